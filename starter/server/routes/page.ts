import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { built } from '../../../common/paths';
import type { App } from '../app-type';

/** Own files only: nothing inline, nothing from elsewhere. `blob:` is for a look at a chosen file, and for HLS. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface Asset {
  type: string;
  bytes: Buffer;
  zipped: Buffer;
  etag: string;
  /** Its name carries a hash of its content. */
  hashed: boolean;
}

/** The page at `/`, from `dist/web`. The folder is small and fixed, so it is read once and nothing else can be asked for. */
export function pageRoutes(app: App, folder = built('web')): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const type = TYPES[path.extname(name)];
    if (type === undefined) continue;
    const asset = read(path.join(folder, name), type);
    const url = name === 'index.html' ? '/' : `/${name.split(path.sep).join('/')}`;
    app.get(url, { config: { public: true }, schema: { hide: true } }, (request, reply) => send(asset, request, reply));
  }
}

function read(file: string, type: string): Asset {
  const bytes = readFileSync(file);
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`;
  return { type, bytes, zipped: gzipSync(bytes), etag, hashed: path.basename(path.dirname(file)) === 'assets' };
}

function send(asset: Asset, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.headers({
    'content-type': asset.type,
    'content-security-policy': POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': asset.hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag: asset.etag,
    vary: 'accept-encoding',
  });
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(asset.bytes);
  return reply.header('content-encoding', 'gzip').send(asset.zipped);
}
