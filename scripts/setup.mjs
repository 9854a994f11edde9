#!/usr/bin/env node
/**
 * Makes a checkout ready to run: packages, then `dist/`. Every `pre…` script of package.json calls it, so it needs no
 * package itself, says nothing when there is nothing to do, and is done in milliseconds then.
 *
 *   node scripts/setup.mjs            packages and build
 *   node scripts/setup.mjs --tools    and ffmpeg and the Temporal server's program
 *   node scripts/setup.mjs --tests    and the S3 server and the other Temporal servers that the tests run against, and the models
 *   node scripts/setup.mjs --force    build even if nothing changed
 *   node scripts/setup.mjs --packages packages only, for what looks at the sources
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build, isBuilt } from './setup/build.mjs';
import { install, isInstalled } from './setup/install.mjs';
import { withLock } from './setup/lock.mjs';
import { checkNode } from './setup/node-version.mjs';
import { ensureS3Server } from './setup/s3-server.mjs';
import { fail, root } from './setup/shell.mjs';

const force = process.argv.includes('--force');
const wantsBuild = !process.argv.includes('--packages');

checkNode();
if (force || !isInstalled() || (wantsBuild && !isBuilt())) {
  // Two commands at once: the second waits, and then finds everything done.
  await withLock(path.join(root, '.darkroom', 'setup.lock'), () => {
    if (!isInstalled()) install();
    if (force || (wantsBuild && !isBuilt())) build(force);
  });
}
const forTests = process.argv.includes('--tests');
if (forTests || process.argv.includes('--tools')) {
  const args = [path.join(root, 'dist/local/embedded/tools.js'), ...(forTests ? ['--tests'] : [])];
  const tools = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (tools.status !== 0) fail('The tools above are missing.');
}
if (forTests) ensureS3Server();
