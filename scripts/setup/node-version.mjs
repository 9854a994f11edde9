import { fail } from './shell.mjs';

const LEAST = [20, 19, 0];

/** Ends the process with one sentence when this Node is too old. */
export function checkNode(version = process.versions.node) {
  const parts = version.split('.').map(Number);
  const difference = LEAST.map((least, index) => parts[index] - least).find((step) => step !== 0) ?? 0;
  if (difference < 0)
    fail(`Darkroom needs Node ${LEAST.join('.')} or newer, and this is ${version}: see https://nodejs.org`);
}
