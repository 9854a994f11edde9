/**
 * Run in the image's build: removes what production packages bring along and nothing loads. The SDK's worker package has
 * the bundler's loader among its dependencies; our bundle is built already.
 *
 *   node deploy/image/slim.mjs [NODE_MODULES]
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const packages = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '../../node_modules'));
const remove = (...parts) => rmSync(path.join(packages, ...parts), { recursive: true, force: true });
const namesIn = (folder) => (existsSync(path.join(packages, folder)) ? readdirSync(path.join(packages, folder)) : []);
const licence = (name) => /^(licen[cs]e|notice|copying)/i.test(name);

// swc only prepares TypeScript for webpack's bundle. webpack itself stays: the SDK loads it at start, used or not.
remove('@swc');

// The Temporal core for other systems than this one, and its sources in Rust.
const require = createRequire(import.meta.url);
const { getPrebuiltTargetName } = require('@temporalio/core-bridge/common');
for (const target of namesIn('@temporalio/core-bridge/releases')) {
  if (target !== getPrebuiltTargetName()) remove('@temporalio/core-bridge/releases', target);
}
for (const name of ['bridge-macros', 'src', 'Cargo.lock']) remove('@temporalio/core-bridge', name);
// The licence of the core lies among its sources.
for (const name of namesIn('@temporalio/core-bridge/sdk-core')) {
  if (!licence(name)) remove('@temporalio/core-bridge/sdk-core', name);
}

// Of the HEIC decoder, the builds for browsers and for engines without WebAssembly.
remove('libheif-js/libheif');
for (const name of ['libheif.js', 'libheif.wasm', 'libheif-bundle.mjs']) remove('libheif-js/libheif-wasm', name);

// Of the fonts, those that nothing draws with.
for (const name of namesIn('dejavu-fonts-ttf/ttf')) {
  if (!/^DejaVuSans(-Bold)?\.ttf$/.test(name)) remove('dejavu-fonts-ttf/ttf', name);
}

// Tests, benchmarks and examples of packages: beside their package.json only, since a folder deeper down may be code. Some hold
// keys and broken archives that make scanners cry.
const BESIDE = /^(tests?|__tests__|benchmarks?|examples?|coverage|docs?)$/i;
// Sources, types, source maps and manuals. Licences stay.
const UNNEEDED = /\.([cm]?tsx?|map|tsbuildinfo|flow|md|markdown)$|\.(test|spec)\.[cm]?js$/;
for (const entry of readdirSync(packages, { recursive: true, withFileTypes: true })) {
  const file = path.join(entry.parentPath, entry.name);
  if (entry.isDirectory()) {
    if (BESIDE.test(entry.name) && existsSync(path.join(entry.parentPath, 'package.json'))) {
      rmSync(file, { recursive: true, force: true });
    }
  } else if (UNNEEDED.test(entry.name) && !licence(entry.name)) rmSync(file, { force: true });
}
