/**
 * `npm run e2e:alerts`: `start-batch 2000` runs, and every panel of every dashboard must show something. Then every worker is
 * killed: exactly the alert whose runbook explains it must fire and reach whoever is paged, and the doctor must name the
 * cause. A new worker clears both, and the batch completes. With the alerts as they are: about 12 minutes on two cores.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, toStderr } from '../../local/embedded/report';
import { inTemporaryFolder } from '../tools';
import { everFired, firing, notified, panelsWithoutData, query } from './prometheus';
import { startSystem, type System } from './system';
import { makeApiSamples, runCli, startBatch, submitByApi } from './traffic';
import { startListener, type Listener } from './webhooks';

/** `npm run e2e:alerts -- 600` is a shorter one; with fewer, nothing would wait when the worker is killed. */
const ITEMS = Number(process.argv[2] ?? 2000);
/** Minutes of which every alert that fired is listed: longer than the drill. */
const WHOLE_DRILL = 60;

async function main(): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const listener = await startListener();
    const env = { DARKROOM_ALERT_PAGE_URL: listener.url('page'), DARKROOM_ALERT_TICKET_URL: listener.url('ticket') };
    const system = await startSystem(folder, { env });
    const stop = new AbortController();
    // Server, Prometheus and Alertmanager would outlive us.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => void system.stop().finally(() => process.exit(1)));
    }
    try {
      await drill(system, listener, stop.signal);
    } finally {
      stop.abort();
      await system.stop();
      await listener.close();
    }
  });
}

async function drill(system: System, listener: Listener, stop: AbortSignal): Promise<void> {
  const { prometheusUrl, alertmanagerUrl } = system.monitor;
  await makeApiSamples(system);
  const worker = await system.worker();
  const batch = startBatch(system, ITEMS, stop);
  await until(`start-batch ${ITEMS} has submitted`, 900, async () => (await open(prometheusUrl)) > 0);
  await everyPanel(system);
  expectSame('before', await firing(prometheusUrl), []);

  say(`killing the only worker (${worker.pid}); open items: ${await open(prometheusUrl)}`);
  process.kill(-worker.pid, 'SIGKILL');
  await until('the doctor names the cause', 180, async () => (await causes(system)).join() === 'no-workers');
  await until('an alert fires', 300, async () => (await firing(prometheusUrl)).length > 0);
  // Whatever else would fire gets its time too, and Alertmanager the 30 s in which it collects.
  await sleep(60_000);
  expectSame('Prometheus', await firing(prometheusUrl), ['WorkersMissing']);
  expectSame('Alertmanager, page', await notified(alertmanagerUrl, 'page'), ['WorkersMissing']);
  expectSame('Alertmanager, ticket', await notified(alertmanagerUrl, 'ticket'), []);
  expectSame('told', listener.heard(), ['page WorkersMissing firing']);
  expectSame('doctor', await causes(system), ['no-workers']);

  await system.worker();
  await until('a new worker clears the alert', 120, async () => (await firing(prometheusUrl)).length === 0);
  // What waits for the slots of one worker is more than it can do at once, and the doctor may say so; but no more than that.
  await until('the doctor finds workers', 120, async () => !(await causes(system)).includes('no-workers'));
  expectSame(
    'doctor, but for slots',
    (await causes(system)).filter((cause) => cause !== 'too-few-slots'),
    [],
  );
  expectSame('ever fired', await everFired(prometheusUrl, WHOLE_DRILL), ['WorkersMissing']);

  const { code, stdout } = await batch;
  say(`start-batch ended with ${code}: ${stdout.trim()}`);
  if (code !== 0) throw new Error('the batch did not end as expected');
  expectSame('doctor, at the end', await causes(system), []);
  // Later alerts are not the drill's: a machine that takes half an hour for the rest gets its ticket about too few slots.
  const over = 'page WorkersMissing resolved';
  await until('the page is told that it is over', 360, () => Promise.resolve(listener.heard().includes(over)));
  say(`told in all: ${listener.heard().join(', ')}`);
}

async function everyPanel(system: System): Promise<void> {
  let empty: string[] = [];
  let round = 0;
  await until('every panel shows something', 180, async () => {
    await submitByApi(system, ++round);
    empty = await panelsWithoutData(system.monitor.prometheusUrl);
    return empty.length === 0;
  }).catch((error: unknown) => {
    throw new Error(`${messageOf(error)}\n${empty.join('\n')}`);
  });
}

/** What `npm run doctor -- backlog` names now. */
async function causes(system: System): Promise<string[]> {
  const { stdout } = await runCli(system, 'doctor', ['backlog', '--json']);
  const { findings } = JSON.parse(stdout) as { findings: { cause: string }[] };
  return [...new Set(findings.map(({ cause }) => cause))];
}

async function open(url: string): Promise<number> {
  return Number((await query(url, 'sum(darkroom:open_workflows)'))[0]?.value[1] ?? 0);
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
  say(`${where}: ${seen.join(', ') || 'nothing'}`);
  if (seen.join() !== wanted.join()) {
    throw new Error(`${where}: expected ${wanted.join(', ') || 'nothing'}, saw ${seen.join(', ') || 'nothing'}`);
  }
}

const beganAt = performance.now();
const say = (line: string): void =>
  toStderr(`drill ${String(Math.round((performance.now() - beganAt) / 1000)).padStart(4)} s: ${line}`);

main().then(
  () => process.exit(0),
  (error: unknown) => {
    toStderr(messageOf(error));
    process.exit(1);
  },
);
