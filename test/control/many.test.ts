/** Changes of many items: the one who asked for them is killed, and so is an attempt of the worker that makes them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Context } from '@temporalio/activity';
import { changeItems } from '../../activities/change-items';
import type { ChangeInput } from '../../common/batch-change';
import type { WorkItem } from '../../common/contracts';
import { loadConfig } from '../../common/config';
import { createLogger } from '../../common/logger';
import { built } from '../../common/paths';
import { describeChange } from '../../starter/core/change';
import { controlBatch } from '../../starter/core/control';
import { retryBatch } from '../../starter/core/retry';
import { viewBatch } from '../../starter/core/view/batch';
import { createApp } from '../../starter/server/app';
import { ApiKeys } from '../../starter/server/guard/auth';
import { createService } from '../../starter/server/service';
import { operationPrefix } from '../../temporal/batch-operation';
import { inputOf } from '../../temporal/input';
import { startUnlessKnown } from '../../temporal/items/start';
import { until } from '../support/stack';
import { describeOnServers, done } from './servers';

const ITEMS = 30;

/** Runs `controlBatch` in a process of its own. */
const CALLER = `
  const { loadConfig } = require(${JSON.stringify(built('common/config/index.js'))});
  const { connect, createClient } = require(${JSON.stringify(built('temporal/connect.js'))});
  const { controlBatch } = require(${JSON.stringify(built('starter/core/control.js'))});
  const config = loadConfig();
  connect(config).then((connection) => {
    const options = { mostOneByOne: 0, queuePrefix: config.queuePrefix };
    return controlBatch(createClient(connection, config), 'pause', 'many', options);
  });
`;

describeOnServers('many items', (control) => {
  const began: string[] = [];
  const makeImage = ({ itemKey }: WorkItem): Promise<object> => {
    began.push(itemKey);
    return Promise.resolve(done);
  };

  /** A pause waits here until its caller is dead. */
  let open: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let attempts = 0;
  /** Lets a change of the batch that is asked for by HTTP begin. */
  const go = new Map<string, () => void>();
  async function change(input: ChangeInput): Promise<object> {
    const { info, heartbeat } = Context.current();
    if (input.batchId === 'http') {
      if (input.change !== 'resume') await new Promise<void>((resolve) => go.set(input.change, resolve));
      return changeItems({} as never, input);
    }
    if (input.change === 'pause') {
      attempts++;
      await gate;
    }
    if (input.change === 'retry-cancelled' && info.attempt === 1) {
      // It restarts one item, and is lost in its first page.
      const { context, server } = control();
      const { workflowId, runId } = await server.client.workflow.getHandle('many/item-7').describe();
      await startUnlessKnown(context, await inputOf(server.client, workflowId, runId));
      const before = { total: ITEMS, changed: 0, already: 0, running: 0 };
      heartbeat({ page: '', before, tally: { ...before, changed: 1 } });
      throw new Error('lost');
    }
    return changeItems({} as never, input);
  }

  const client = () => control().server.client;
  const view = () => viewBatch(client(), control().prefix, 'many');
  const pendingOf = async (id: string) =>
    (await client().workflow.getHandle(id).describe()).raw.pendingActivities ?? [];

  beforeAll(() => control().work('workflows', { changeItems: change }, 2));

  test('are changed by HTTP with an answer 202 that tells where to look, while the change goes on', async () => {
    const { submit, env } = control();
    const config = loadConfig({ ...env, LOG_LEVEL: 'error' });
    const stop = new AbortController();
    const made = createService(config, new ApiKeys(config), createLogger(config, 'test'), stop.signal);
    // As if there were more than the request itself takes, and more than can be waited for.
    const service = { ...made, changes: { waitMs: 0, mostOneByOne: 0 } };
    await service.temporal.start();
    const app = await createApp(service);
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const ask = async (method: 'GET' | 'POST', path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/batches/http${path}`, { method });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    const isLeft = async (state: string) => (await ask('GET', '')).body[state] === 3;
    const seen = async (path: string) => (await ask('GET', path)).body;
    try {
      for (const key of ['a', 'b', 'c']) await submit('http', key);
      await until(() => isLeft('open'));
      for (const [path, name, state] of [
        ['/pause', 'pause', 'paused'],
        ['/retry?state=cancelled', 'retry-cancelled', 'open'],
      ] as const) {
        const answer = await ask('POST', path);
        expect(answer).toMatchObject({ status: 202, body: { operation: { state: 'running' } } });
        const { id } = answer.body['operation'] as { id: string };
        const look = `/operations/${encodeURIComponent(id)}`;
        await until(() => go.has(name));
        expect(await seen(look)).toMatchObject({ state: 'running', done: 0 });
        go.get(name)?.();
        await until(async () => (await seen(look))['state'] === 'completed');
        expect(await seen(look)).toMatchObject({ total: 3, done: 3, failed: 0 });
        await until(() => isLeft(state));
        expect((await ask('POST', '/cancel')).status).toBeLessThan(300);
        await until(() => isLeft('cancelled'));
      }
      expect((await ask('GET', '/operations/none')).status).toBe(404);
    } finally {
      stop.abort();
      await app.close();
      service.temporal.stop();
      await service.connection.close();
      service.storage.close();
    }
  });

  test('are paused though the caller is killed before the first of them, and run again though the worker is lost', async () => {
    const keys = Array.from({ length: ITEMS }, (_, index) => `item-${index}`);
    const ids = await Promise.all(keys.map((key) => control().submit('many', key)));
    await until(async () => (await Promise.all(ids.map(pendingOf))).every(({ length }) => length === 1));
    await until(async () => (await view()).items === ITEMS);

    const caller = spawn(process.execPath, ['-e', CALLER], { env: control().env, stdio: 'inherit' });
    await until(() => attempts === 1 || caller.exitCode !== null);
    expect((await view()).paused).toBe(0);
    caller.kill('SIGKILL');
    await once(caller, 'exit');
    open?.();
    await until(async () => (await view()).paused === ITEMS);
    const id = `${operationPrefix('many')}hold`;
    await until(async () => (await describeChange(client(), id)).look.state === 'completed');
    expect((await describeChange(client(), id)).look).toMatchObject({ total: ITEMS, done: ITEMS, failed: 0 });

    const looks: [number, number][] = [];
    const many = { mostOneByOne: 0, queuePrefix: control().prefix };
    const resumed = await controlBatch(client(), 'resume', 'many', {
      ...many,
      onProgress: (asked, of) => looks.push([asked, of]),
    });
    expect(resumed).toEqual({ changed: ITEMS, already: 0 });
    expect(looks.at(-1)).toEqual([ITEMS, ITEMS]);
    await until(async () => (await view()).paused === 0);

    await controlBatch(client(), 'cancel', 'many', many);
    await until(async () => (await view()).cancelled === ITEMS);
    const restarted: string[] = [];
    const retried = await retryBatch(control().context, 'many', 'cancelled', {
      mostOneByOne: 0,
      onRestarted: (itemKey) => restarted.push(itemKey),
    });
    expect(retried).toEqual({ restarted: ITEMS, already: 0, outputs: 'file:///nowhere' });
    expect(began).toEqual([]);
    await control().work('image', { makeImage }, 4);
    await until(async () => (await view()).succeeded === ITEMS);
    expect(began.sort()).toEqual(keys.sort());
    expect(restarted.sort()).toEqual(keys.sort());
    expect(await view()).toMatchObject({ items: ITEMS, open: 0, paused: 0, cancelled: 0 });
  });
});
