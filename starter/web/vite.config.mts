import path from 'node:path';
import { defineConfig } from 'vite';

const here = import.meta.dirname;

/** `npx vite --config starter/web/vite.config.mts` serves the page while it is worked on, with the API of a running `npm run dev` behind it. */
export default defineConfig({
  root: here,
  base: '/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: path.resolve(here, '../../dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no data: scripts or styles, so every asset is a file with a hashed name.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // hls.js is a chunk of its own that only a page with HLS loads.
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8080', '/ready': 'http://127.0.0.1:8080' } },
});
