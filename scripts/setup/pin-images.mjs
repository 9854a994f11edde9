import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fail, say } from './shell.mjs';

function docker(...args) {
  const { status, stdout } = spawnSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * The digest of an image, from the registry that has it. An image that is only on this machine stays what it is called.
 * @returns undefined when there is no such image
 */
function pinned(name) {
  if (name.includes('@sha256:')) return name;
  docker('pull', '--quiet', name);
  const digests = docker('image', 'inspect', '--format', '{{join .RepoDigests " "}}', name);
  if (digests === undefined) return undefined;
  return digests.split(' ').find((digest) => digest !== '') ?? name;
}

/** Makes `.env` from the example where there is none, and replaces each name of an image by the digest that was seen. */
export function pinImages(example, envFile) {
  if (!existsSync(envFile)) copyFileSync(example, envFile);
  const wanted = entries(readFileSync(example, 'utf8'));
  let text = readFileSync(envFile, 'utf8');
  const missing = [];
  for (const [variable, fallback] of wanted) {
    const name = entries(text).get(variable);
    if (name === undefined) text += `${text.endsWith('\n') ? '' : '\n'}${variable}=${fallback}\n`;
    if (!variable.endsWith('_IMAGE')) continue;
    const image = pinned(name ?? fallback);
    if (image === undefined) missing.push(`${variable}=${name ?? fallback}`);
    else text = text.replace(new RegExp(`^${variable}=.*$`, 'm'), `${variable}=${image}`);
  }
  writeFileSync(envFile, text);
  if (missing.length === 0) return say(`images are pinned in ${envFile}`);
  fail(
    `These images could not be pulled ("docker pull" says why); name others in ${envFile}:\n  ${missing.join('\n  ')}`,
  );
}

function entries(text) {
  return new Map([...text.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}
