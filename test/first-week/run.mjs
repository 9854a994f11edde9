/**
 * `npm run e2e:first-week`: a newcomer's first week. Clones the checkout into an empty folder and types the commands of README, of the
 * API's page and of the example, one by one; fails at the first that does not do what the page says.
 *
 *   node test/first-week/run.mjs [--home]     --home: with an empty HOME, so that every tool is found or installed anew
 *
 * It needs the ports that the pages name (8080, 3000) and takes some minutes.
 */
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../scripts/setup/shell.mjs';
import { commandsOf } from './commands.mjs';

const work = mkdtempSync(path.join(os.tmpdir(), 'darkroom-first-week-'));
const clone = path.join(work, 'darkroom');
const env = { ...process.env };
for (const name of Object.keys(env)) if (/^(DARKROOM|TEMPORAL|npm)_/.test(name)) delete env[name];
if (process.argv.includes('--home')) {
  env.HOME = path.join(work, 'home');
  mkdirSync(env.HOME);
}

/** What a page leaves to its reader, and what takes too long here. */
const READER = [
  ['start-batch 2000', 'start-batch 20'],
  ['BATCH', () => state.batch],
  ['file:///…/outputs/_uploads/default/979e43377717/photo.jpg', () => state.source],
  ['file:///…', () => state.source],
  ['"s3://media/in/a.jpg"', () => `"${state.source}"`],
  ['"s3://media/in/b.mp4"', () => `"${state.source}"`],
];
const LEFT = [
  [/^npm test$/, 'the tests run by themselves'],
  [/^docker /, 'npm run e2e:image builds and runs both images'],
  [/s3:\/\/bucket/, 'needs a bucket'],
  [/<that hash>|\$KEY/, 'keys have tests of their own (test/api/session)'],
];
const state = { batch: undefined, source: undefined };
const services = [];
let passed = 0;

/** Types one line into bash and waits. @returns its output */
async function type(text) {
  const started = Date.now();
  const child = spawn('bash', ['-c', text], { cwd: clone, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${text}\nended with code ${code}:\n${output}`);
  console.log(`  ok ${((Date.now() - started) / 1000).toFixed(1)} s  ${text}`);
  passed++;
  return output;
}

/** Starts what goes on until it is ended, and waits until an address answers. */
async function serve(text, address) {
  const child = spawn('bash', ['-c', `exec ${text.replace(/ &$/, '')}`], {
    cwd: clone,
    env,
    stdio: 'ignore',
    detached: true,
  });
  services.push(child);
  for (let tries = 0; tries < 300; tries++) {
    if (
      await fetch(address).then(
        (answer) => answer.ok,
        () => false,
      )
    ) {
      console.log(`  ok serves ${address}  ${text}`);
      passed++;
      return;
    }
    if (child.exitCode !== null) break;
    await sleep(1000);
  }
  throw new Error(`${text}\ndoes not answer at ${address}.`);
}

async function endServices() {
  for (const child of services.splice(0).reverse()) {
    if (child.exitCode !== null) continue;
    const ended = new Promise((resolve) => child.on('exit', resolve));
    process.kill(-child.pid, 'SIGINT');
    await Promise.race([ended, sleep(60_000)]);
  }
}

/** A command with what the reader fills in. @returns undefined: it is left, with a printed reason */
function filled({ text }) {
  const [, why] = LEFT.find(([pattern]) => pattern.test(text)) ?? [];
  if (why !== undefined) {
    console.log(`  left: ${text} (${why})`);
    return undefined;
  }
  return READER.reduce(
    (line, [from, to]) => (line.includes(from) ? line.replaceAll(from, typeof to === 'string' ? to : to()) : line),
    text,
  );
}

async function typeAll(page, under) {
  for (const command of commandsOf(path.join(clone, page)).filter(({ heading }) => under.includes(heading))) {
    const text = filled(command);
    if (text === undefined) continue;
    const output = await type(/^curl/.test(text) ? `${text} --fail-with-body -sS` : text);
    state.batch = /Batch (samples-\S+?):/.exec(output)?.[1] ?? state.batch;
    state.source = /"source":"(file:[^"]+)"/.exec(output)?.[1] ?? state.source;
  }
}

/** Files that the pages name: photos in a folder, one beside, and two lists of jobs. */
function makeFiles() {
  const samples = path.join(clone, '.darkroom', 'samples');
  const photos = readdirSync(samples, { recursive: true })
    .filter((name) => name.endsWith('.jpg'))
    .slice(0, 4);
  mkdirSync(path.join(clone, 'photos'));
  for (const name of photos) copyFileSync(path.join(samples, name), path.join(clone, 'photos', path.basename(name)));
  copyFileSync(path.join(samples, photos[0]), path.join(clone, 'photo.jpg'));
  const uris = photos.map((name) => `file://${path.join(clone, '.darkroom', 'samples', name)}`);
  const lines = uris.map((source) => JSON.stringify({ source })).join('\n');
  writeFileSync(path.join(clone, 'list.jsonl'), lines);
  writeFileSync(path.join(clone, 'jobs.ndjson'), lines);
}

try {
  execFileSync('git', ['clone', '-q', root, clone]);
  console.log('README: two commands');
  await typeAll('README.md', ['Two commands']);
  makeFiles();
  console.log('README: your own files');
  await typeAll('README.md', ['Your own files']);
  for (const line of [
    'maintenance',
    'report -- BATCH',
    'duplicates -- BATCH',
    'cost -- --by tenant,preset --since 30d',
  ]) {
    await type(filled({ text: `npm run ${line}` }));
  }
  console.log('README and API: as a service');
  await serve('npm run dev', 'http://localhost:8080/ready');
  await typeAll('README.md', ['As a service']);
  await typeAll('docs/api.md', ['One job', 'Many jobs']);
  await endServices();
  console.log('Example');
  const [secret, dev, example] = commandsOf(path.join(clone, 'examples', 'upload', 'README.md')).map(
    ({ text }) => text,
  );
  const [name, value] = secret.replace('export ', '').split('=');
  env[name] = value;
  await serve(dev.replace(/^/, 'env '), 'http://localhost:8080/ready');
  await serve(example, 'http://127.0.0.1:3000/');
  await endServices();
  await type('npm run stop');
  console.log(`${passed} commands passed`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await endServices();
  if (process.exitCode === undefined) rmSync(work, { recursive: true, force: true });
  else console.error(`What was made stays in ${work}.`);
}
