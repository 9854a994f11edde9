/**
 * Bundles dist/workflows for the worker, which then starts a few seconds sooner and needs no bundler in production.
 * Does nothing when neither workflows/ nor common/ changed since.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { contentHash, filesIn } from './setup/files.mjs';
import { root, say } from './setup/shell.mjs';

const dist = path.join(root, 'dist');
const stampFile = path.join(dist, '.darkroom-bundled');
const failureConverter = path.join(dist, 'temporal/encryption/failures.js');

/** How workflows write their failures is part of a bundle: with DARKROOM_PAYLOAD_KEYS, workers take the second one. */
const bundles = [
  { file: 'workflow-bundle.js', options: {} },
  { file: 'workflow-bundle-encrypted.js', options: { failureConverterPath: failureConverter } },
];

const inputs = ['workflows', 'common'].flatMap((folder) => filesIn(path.join(dist, folder)));
// A new SDK makes a new bundle of the same workflows, and so may this script.
const makers = [path.join(root, 'node_modules/@temporalio/worker/package.json'), fileURLToPath(import.meta.url)];
const stamp = contentHash([...inputs, ...makers]);

const isThere = bundles.every(({ file }) => existsSync(path.join(dist, file)));
if (!isThere || !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = { info() {}, debug() {}, trace() {}, log() {}, warn: say, error: say };
  for (const { file, options } of bundles) {
    const workflowsPath = path.join(dist, 'workflows/index.js');
    const workflowInterceptorModules = [path.join(dist, 'workflows/traces.js')];
    const { code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger: quiet, ...options });
    // Renamed into place: a worker that starts at this moment must not read half of it.
    const target = path.join(dist, file);
    writeFileSync(`${target}.new`, code);
    renameSync(`${target}.new`, target);
  }
  writeFileSync(stampFile, stamp);
}
