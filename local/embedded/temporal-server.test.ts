import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { loadConfig, type Config } from '../../common/config';
import { connect, missingSearchAttributes } from '../../temporal/connect';
import { targetsFolder } from './targets';
import { freePort } from './free-port';
import { probe } from './probe';
import { runningServer, stopTemporalServer, writeServerRecord } from './server-record';
import { ensureTemporalBinary } from './temporal-binary';
import { ensureTemporalServer, startTemporalServer } from './temporal-server';

let home: string;
let config: Config;
const lines: string[] = [];

beforeEach(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'darkroom-home-'));
  config = {
    ...loadConfig(),
    temporalAddress: undefined,
    home,
    embeddedPort: await freePort(),
    embeddedUiPort: await freePort(),
  };
});

afterEach(async () => {
  await stopTemporalServer(home);
  await rm(home, { recursive: true, force: true });
});

const ensure = () => ensureTemporalServer(config, (line) => lines.push(line));

test('two commands at once start one server, which has our search attributes and stays until it is stopped', async () => {
  const servers = await Promise.all([ensure(), ensure()]);
  expect(servers.map((server) => server.origin).sort()).toEqual(['found', 'started']);
  expect(servers[0].address).toBe(`127.0.0.1:${config.embeddedPort}`);

  const connection = await connect({ ...config, temporalAddress: servers[0].address });
  await expect(missingSearchAttributes(connection, 'default')).resolves.toEqual([]);
  await connection.close();
  expect((await fetch(servers[0].uiUrl ?? '')).status).toBe(200);

  const record = await runningServer(home);
  const target = path.join(targetsFolder(home), `temporal-server-${record?.pid}.json`);
  const [{ targets }] = JSON.parse(await readFile(target, 'utf8')) as [{ targets: string[] }];
  await expect((await fetch(`http://${targets[0]}/metrics`)).text()).resolves.toContain('service_requests{');

  await expect(stopTemporalServer(home)).resolves.toBe(record?.pid);
  expect(existsSync(target)).toBe(false);
  await expect(probe(servers[0].address)).resolves.toBe('free');
  await expect(stopTemporalServer(home)).resolves.toBeUndefined();
});

test('what was submitted is still there after the server was stopped and started again', async () => {
  const { address } = await ensure();
  const target = { ...config, temporalAddress: address };
  const first = await connect(target);
  await first.workflowService.startWorkflowExecution({
    namespace: 'default',
    workflowId: 'kept',
    requestId: 'kept',
    workflowType: { name: 'nothing' },
    taskQueue: { name: 'nobody' },
  });
  await first.close();
  await stopTemporalServer(home);
  await ensure();
  const second = await connect(target);
  const { workflowExecutionInfo } = await second.workflowService.describeWorkflowExecution({
    namespace: 'default',
    execution: { workflowId: 'kept' },
  });
  await second.close();
  expect(workflowExecutionInfo?.type?.name).toBe('nothing');
});

test('a port that something else holds is named, with the way out', async () => {
  const other = net
    .createServer((socket) => socket.on('error', () => undefined).end('no Temporal'))
    .listen(config.embeddedPort, '127.0.0.1');
  try {
    await expect(ensure()).rejects.toThrow(/Port \d+ is taken by something else.*DARKROOM_TEMPORAL_PORT/);
  } finally {
    other.close();
  }
});

test('a configured server that does not answer is named', async () => {
  config = { ...config, temporalAddress: `127.0.0.1:${config.embeddedPort}` };
  await expect(ensure()).rejects.toThrow(`Temporal at 127.0.0.1:${config.embeddedPort} does not answer`);
});

test('a record of a process that is not our server stops nothing', async () => {
  await writeServerRecord(home, { pid: process.pid, port: config.embeddedPort });
  await expect(stopTemporalServer(home)).resolves.toBeUndefined();
  await expect(readFile(path.join(home, 'temporal.json'))).rejects.toThrow('ENOENT');
});

test('a server that ends at its first start is started again; one that always ends is given up with its last words', async () => {
  const real = await ensureTemporalBinary(config, (line) => lines.push(line));
  const binary = path.join(home, 'temporal');
  const script = ['#!/bin/sh', `[ -e '${home}/tried' ] && exec '${real}' "$@"`, `touch '${home}/tried'; exit 2`, ''];
  await writeFile(binary, script.join('\n'), { mode: 0o755 });
  const pid = await startTemporalServer({ home, port: config.embeddedPort, binary });
  expect(await runningServer(home)).toMatchObject({ pid });
  await stopTemporalServer(home);

  await writeFile(binary, `#!/bin/sh\necho once >>'${home}/starts'; echo no luck; exit 2\n`, { mode: 0o755 });
  await expect(startTemporalServer({ home, port: config.embeddedPort, binary })).rejects.toThrow(
    /did not start: it ended \(exit code 2\)[^]*no luck/,
  );
  expect((await readFile(path.join(home, 'starts'), 'utf8')).trim().split('\n')).toHaveLength(3);
});
