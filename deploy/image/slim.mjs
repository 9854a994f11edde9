/**
 * Run in the image's build: removes what production packages bring along and nothing loads. The SDK's worker package has
 * the bundler's loader among its dependencies; our bundle is built already.
 */
import { readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const packages = path.resolve(import.meta.dirname, '../../node_modules');
const remove = (...parts) => rmSync(path.join(packages, ...parts), { recursive: true, force: true });

// swc only prepares TypeScript for webpack's bundle. webpack itself stays: the SDK loads it at start, used or not.
remove('@swc');

// The Temporal core for other systems than this one, and its sources in Rust.
const require = createRequire(import.meta.url);
const { getPrebuiltTargetName } = require('@temporalio/core-bridge/common');
for (const target of readdirSync(path.join(packages, '@temporalio/core-bridge/releases'))) {
  if (target !== getPrebuiltTargetName()) remove('@temporalio/core-bridge/releases', target);
}
for (const name of ['sdk-core', 'bridge-macros', 'src', 'Cargo.lock']) remove('@temporalio/core-bridge', name);

// Types, source maps and manuals. Licences stay.
for (const name of ['doc', 'coverage']) remove('fluent-ffmpeg', name);
for (const file of readdirSync(packages, { recursive: true, withFileTypes: true })) {
  const unneeded = /\.(d\.[cm]?ts|[cm]?js\.map|md)$/.test(file.name) && !/^licen[cs]e/i.test(file.name);
  if (file.isFile() && unneeded) rmSync(path.join(file.parentPath, file.name));
}
