/**
 * `npm run e2e:alerts`: a batch runs, every panel of every dashboard must show something; then every worker is killed, and
 * exactly the alert whose runbook explains it must fire; a new worker clears it, and the batch completes. About five minutes.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { built } from '../../common/paths';
import { messageOf, toStderr } from '../../starter/embedded/report';
import { inTemporaryFolder } from '../tools';
import { firing, notified, panelsWithoutData, query } from './prometheus';
import { startSystem, writeList, type System } from './system';

const ITEMS = 300;
/** `for:` is shorter by this, but stays longer than the 90 s after which a killed worker is known to be gone. */
const FASTER = 5;

async function main(): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const system = await startSystem(folder, FASTER);
    const stop = new AbortController();
    try {
      await drill(system, stop.signal);
    } finally {
      stop.abort();
      await system.stop();
    }
  });
}

async function drill(system: System, stop: AbortSignal): Promise<void> {
  const { prometheusUrl, alertmanagerUrl } = system.monitor;
  const list = await writeList(system.config, ITEMS);
  const worker = await system.worker();
  const batch = startBatch(system, list, stop);

  let empty: string[] = [];
  let round = 0;
  await until('every panel shows something', 120, async () => {
    // Again and again, since a rate needs two looks.
    await submitByApi(system, ++round);
    empty = await panelsWithoutData(prometheusUrl);
    return empty.length === 0;
  }).catch((error: unknown) => {
    throw new Error(`${messageOf(error)}\n${empty.join('\n')}`);
  });
  expectSame('before', await firing(prometheusUrl), []);

  say(`killing the only worker (${worker.pid}); open items: ${await open(prometheusUrl)}`);
  process.kill(-worker.pid, 'SIGKILL');
  await until('an alert fires', 240, async () => (await firing(prometheusUrl)).length > 0);
  // Whatever else would fire gets its time too.
  await sleep(60_000);
  expectSame('Prometheus', await firing(prometheusUrl), ['WorkersMissing']);
  expectSame('Alertmanager, page', await notified(alertmanagerUrl, 'page'), ['WorkersMissing']);
  expectSame('Alertmanager, ticket', await notified(alertmanagerUrl, 'ticket'), []);

  await system.worker();
  await until('a new worker clears it', 120, async () => (await firing(prometheusUrl)).length === 0);
  const code = await batch;
  say(`start-batch ended with ${code} (1: the broken file failed, as it must)`);
  if (code !== 1) throw new Error('the batch did not end as expected');
}

/** Resolves with the exit code. */
function startBatch({ env, config }: System, list: string, stop: AbortSignal): Promise<number | null> {
  const args = [built('starter/cli/start-batch.js'), '--input', list, '--output', `${config.home}/out`, '--json'];
  const child = spawn(process.execPath, [...args, '--shared-files'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  stop.addEventListener('abort', () => child.kill('SIGKILL'));
  return new Promise((resolve) => child.once('exit', resolve));
}

/** What somebody's service does: single jobs, one with a preset that does not exist. */
async function submitByApi({ apiUrl, config }: System, round: number): Promise<void> {
  const source = (name: string): string => `file://${config.home}/samples/${name}`;
  const jobs: object[] = [{ id: `photo-${round}`, source: source('photo-000001.jpg') }];
  if (round === 1) jobs.push({ id: 'clip', source: source('clip-000010.mp4') });
  jobs.push({ source: source('photo-000001.jpg'), preset: 'nonsense' });
  for (const job of jobs) {
    const response = await fetch(`${apiUrl}/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(job),
    });
    if (round === 1) say(`API answers ${response.status}: ${(await response.text()).slice(0, 120)}`);
    else await response.arrayBuffer();
  }
}

async function open(url: string): Promise<string> {
  return (await query(url, 'sum(darkroom:open_workflows)'))[0]?.value[1] ?? '0';
}

async function until(what: string, seconds: number, condition: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await condition())) {
    if (performance.now() - started > seconds * 1000) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(2000);
  }
  say(`${what} (after ${Math.round((performance.now() - started) / 1000)} s)`);
}

function expectSame(where: string, seen: string[], wanted: string[]): void {
  say(`${where}: ${seen.length === 0 ? 'no alert' : seen.join(', ')}`);
  if (seen.join() !== wanted.join())
    throw new Error(`${where}: expected ${wanted.join() || 'no alert'}, saw ${seen.join()}`);
}

const say = (line: string): void => toStderr(`drill: ${line}`);

main().then(
  () => process.exit(0),
  (error: unknown) => {
    toStderr(messageOf(error));
    process.exit(1);
  },
);
