import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { built } from '../../common/paths';
import { freePort } from '../../local/embedded/free-port';
import type { FileOutcome } from '../../starter/cli/ui/outcomes';
import type { Ending } from './through-media';

/** What `corpus --json` prints. */
interface Report {
  files: FileOutcome[];
}

/**
 * Files through the whole system: the command `corpus` brings a server and a worker along and submits them as workflows. A
 * home of its own keeps what it does apart, so that anything left there is seen.
 * @returns the ending of each file, by its name; and problems of no file in particular
 */
export async function throughWorker(
  files: Map<string, Buffer>,
  home: string,
  presets: { folder: string; name: string },
): Promise<{ endings: Map<string, Ending>; problems: string[] }> {
  const folder = path.join(home, 'mutants');
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await writeFile(path.join(folder, name), bytes);
  const args = [built('starter/cli/corpus.js'), folder, '--json', '--all-files', '--preset', presets.name];
  const { code, stdout, stderr } = await run(args, {
    ...process.env,
    ...{ DARKROOM_HOME: home, DARKROOM_PRESETS_DIR: presets.folder, TEMPORAL_ADDRESS: undefined },
    DARKROOM_TEMPORAL_PORT: String(await freePort()),
    DARKROOM_TEMPORAL_UI_PORT: String(await freePort()),
  });
  await rm(folder, { recursive: true, force: true });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  const report = (line.startsWith('{') ? JSON.parse(line) : { files: [] }) as Report;
  const endings = new Map(report.files.map((each) => [each.file, endingOf(each)]));
  for (const name of files.keys()) {
    if (!endings.has(name)) endings.set(name, { outcome: 'none', problem: 'has no outcome' });
  }
  const died = [...stderr.matchAll(/The worker ended \([^"\n]*/g)].map(([words]) => words);
  const left = (await readdir(path.join(home, 'scratch')).catch(() => [])).map((name) => `left in scratch: ${name}`);
  const failed = code === 0 ? [] : [`corpus ended with exit code ${code}: ${stderr.trim().split('\n').at(-1)}`];
  return { endings, problems: [...died, ...left, ...failed] };
}

function endingOf({ outcome, type, sentence }: FileOutcome): Ending {
  if (outcome === 'open') return { outcome, problem: 'has not ended' };
  if (type === undefined) return { outcome };
  const isFault = ['InternalError', 'TimedOut', 'Terminated'].includes(type);
  return { outcome: type, ...(isFault && { problem: sentence }) };
}

function run(args: string[], env: NodeJS.ProcessEnv) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-1_000_000)));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
