import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, step } from './shell.mjs';

const lockFile = path.join(root, 'package-lock.json');
const stampFile = path.join(root, 'node_modules', '.darkroom-installed');
/** What npm itself noted about the packages that lie in node_modules. */
const installedFile = path.join(root, 'node_modules', '.package-lock.json');

/** Packages carry programs for one platform, so a folder copied from another one has to be installed again. */
const platform = ` ${process.platform}-${process.arch}\n`;

function stamp() {
  return createHash('sha256').update(readFileSync(lockFile)).digest('hex') + platform;
}

export function isInstalled() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp();
}

export function install() {
  if (!installedByHand()) {
    // Nobody's script runs at installing: each package that we use comes compiled, and what one package of hundreds runs
    // there has all rights of the machine, the pipeline's included.
    const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    // The npm that runs this script, where there is one: it need not be the first on PATH.
    const npm = process.env.npm_execpath;
    const sentence = 'Installing the packages (npm ci), about a minute';
    if (npm?.endsWith('npm-cli.js')) step(sentence, process.execPath, [npm, ...args]);
    else step(sentence, 'npm', args, { shell: process.platform === 'win32' });
  }
  writeFileSync(stampFile, stamp());
}

/** Somebody ran `npm ci` or `npm install` already: every package of the lock file lies there in its version. */
function installedByHand() {
  if (!existsSync(installedFile) || cameFromAnotherPlatform()) return false;
  const wanted = Object.entries(JSON.parse(readFileSync(lockFile, 'utf8')).packages);
  const present = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return wanted.every(([name, { version, optional }]) => {
    const found = present[name];
    // npm leaves out optional packages that are made for another platform.
    if (name === '' || (optional && found === undefined)) return true;
    return found?.version === version && existsSync(path.join(root, name));
  });
}

function cameFromAnotherPlatform() {
  return existsSync(stampFile) && !readFileSync(stampFile, 'utf8').endsWith(platform);
}
