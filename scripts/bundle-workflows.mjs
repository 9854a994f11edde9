/**
 * Bundles dist/workflows for the worker, which then starts a few seconds sooner and needs no bundler in production.
 * Does nothing when neither workflows/ nor common/ changed since.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { contentHash, filesIn } from './setup/files.mjs';
import { root, say } from './setup/shell.mjs';

const dist = path.join(root, 'dist');
const bundleFile = path.join(dist, 'workflow-bundle.js');
const stampFile = path.join(dist, '.darkroom-bundled');

const inputs = ['workflows', 'common'].flatMap((folder) => filesIn(path.join(dist, folder)));
// A new SDK makes a new bundle of the same workflows.
const stamp = contentHash([...inputs, path.join(root, 'node_modules/@temporalio/worker/package.json')]);

if (!existsSync(bundleFile) || !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = { info() {}, debug() {}, trace() {}, log() {}, warn: say, error: say };
  const { code } = await bundleWorkflowCode({ workflowsPath: path.join(dist, 'workflows/index.js'), logger: quiet });
  // Renamed into place: a worker that starts at this moment must not read half of it.
  writeFileSync(`${bundleFile}.new`, code);
  renameSync(`${bundleFile}.new`, bundleFile);
  writeFileSync(stampFile, stamp);
}
