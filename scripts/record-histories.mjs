#!/usr/bin/env node
/**
 * Records histories for test/e2e/replay.test.ts, from the workflows in dist/ on a server of its own:
 *
 *   node scripts/record-histories.mjs            those that are missing
 *   node scripts/record-histories.mjs NAME …     these, anew
 *
 * The media work is replaced by what a row of the table says; workflows, server and history are real. They are kept as
 * protobuf, since this SDK release cannot read its own JSON form. A history that is there says what older runs look like:
 * record one anew only where its commands change on purpose.
 */
import { createRequire } from 'node:module';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, root } from './setup/shell.mjs';

const require = createRequire(import.meta.url);
const { ApplicationFailure, Context } = require('@temporalio/activity');
const { Client, Connection } = require('@temporalio/client');
const { temporal } = require('@temporalio/proto');
const { DefaultLogger, NativeConnection, Runtime, Worker } = require('@temporalio/worker');
const built = (file) => require(path.join(root, 'dist', file));

const folder = path.join(root, 'test/histories');
const PREFIX = 'darkroom';

const result = { manifest: 'file:///out/manifest.json', bytesIn: 10, bytesOut: 5, renditions: 1 };
const task = (id, activity, after, outputs = []) => ({ id, activity, outputs, after, cost: 10 });
const planned = (...tasks) => ({
  planned: { plan: 'file:///out/.work/plan.json', tasks, source: { bytes: 1000, durationSeconds: 10 } },
});
/** A video of two rungs with sound and HLS. */
const WHOLE = planned(
  task('sound', 'makeSound', [], ['sound:128']),
  task('encode low', 'makeOutputs', ['sound'], ['rung:low']),
  task('encode high', 'makeOutputs', ['sound'], ['rung:high']),
  task('package', 'packageStream', ['encode low', 'encode high'], ['hls']),
  task('publish', 'publishOutputs', ['encode low', 'encode high', 'package']),
);
const SHORT = planned(
  task('encode low', 'makeOutputs', [], ['rung:low']),
  task('publish', 'publishOutputs', ['encode low']),
);

/** A long video: two groups of rungs in chunks, of which two may be in the queue at once. */
const LONG = planned(
  task('sound', 'makeSound', [], ['sound:128']),
  ...[0, 1, 2].map((at) => task(`encode low 0:00:0${at}-0:00:0${at + 1}`, 'makeChunk', [], [`chunk:0:${at}`])),
  ...[0, 1].map((at) => task(`encode high 0:00:0${at}-0:00:0${at + 2}`, 'makeChunk', [], [`chunk:1:${at}`])),
  task('poster', 'makeOutputs', [], ['poster']),
  task(
    'join low',
    'joinRung',
    ['sound', ...[0, 1, 2].map((at) => `encode low 0:00:0${at}-0:00:0${at + 1}`)],
    ['rung:low'],
  ),
  task(
    'join high',
    'joinRung',
    ['sound', ...[0, 1].map((at) => `encode high 0:00:0${at}-0:00:0${at + 2}`)],
    ['rung:high'],
  ),
  task('package', 'packageStream', ['join low', 'join high', 'poster'], ['hls']),
  task('publish', 'publishOutputs', ['sound', 'join low', 'join high', 'poster', 'package']),
);
LONG.planned.window = 2;
/** The same with a stream that grows. */
const GROWING = { planned: { ...LONG.planned, stream: 'hls-0123456789ab-0123456789' } };
const playable = { path: `${GROWING.planned.stream}/master.m3u8`, seconds: 6 };

const failing = (type, details = {}) =>
  ApplicationFailure.create({ type, message: 'It failed.', nonRetryable: true, details: [details] });
const dead = () => failing('EncoderFailed', { childKilled: true, blame: 'input', reason: 'crash', sourceSha256: 'a' });

/** Fails as often as `times` says, then answers. */
function after(times, error, answer) {
  let calls = 0;
  return async () => {
    if (++calls <= times) throw error();
    return answer;
  };
}

/** Fails the call of that number alone. */
function nth(number, error, answer) {
  let calls = 0;
  return async () => {
    if (++calls === number) throw error();
    return answer;
  };
}

/** Goes on until it is cancelled. */
async function endless() {
  const beat = setInterval(() => Context.current().heartbeat(), 100);
  return Context.current().cancelled.finally(() => clearInterval(beat));
}

async function until(holds) {
  while (!(await holds())) await sleep(20);
}

const stepIs = (handle, state) =>
  until(async () =>
    (await handle.query('progress').catch(() => ({ steps: [] }))).steps.some((step) => step.state === state),
  );

/** What each activity does, unless a row says otherwise. */
const ACTIVITIES = {
  makeImage: async () => result,
  findModel: async () => 'common',
  analyse: async () => ({ text: { alt: '', lines: [] } }),
  makeAudio: async () => result,
  makeVideo: async () => WHOLE,
  makeSound: async () => ({ renditions: [], files: [] }),
  makeSoundHead: async () => ({ renditions: [], files: [] }),
  makeOutputs: async () => ({ renditions: [] }),
  makeChunk: async () => ({ renditions: [], files: [], attempt: 1 }),
  growStream: async () => playable,
  joinRung: async () => ({ renditions: [] }),
  packageStream: async () => ({ renditions: [] }),
  publishOutputs: async () => ({ renditions: [], result }),
  quarantine: async () => undefined,
  removeOutputs: async () => undefined,
  deliverWebhook: async () => undefined,
  awaitBatch: async () => ({ items: 1, succeeded: 1, failed: 0, cancelled: 0 }),
  compareOutputs: async () => 0.95,
  adoptOutputs: async () => true,
  settleOutputs: async (_id, pairs) => pairs.length,
};

/** A campaign of two pages; its items' workflows are real. */
const CAMPAIGN = {
  ...{ id: 'reprocess-p-00000000', preset: { name: 'p', image: { renditions: [] } }, where: { preset: 'old' } },
  ...{ canary: 2, atOnce: 1, approvesItself: false },
  bounds: { minSsim: 0.9, maxBytesRatio: 1.5, maxFailures: 0.02 },
};
const campaignItem = (name) => ({
  item: {
    ...{
      batchId: CAMPAIGN.id,
      itemKey: name,
      kind: 'image',
      source: `file:///in/${name}`,
      output: `file:///out/${name}`,
    },
    ...{ recipe: '0000000000', priority: 5, tenant: 'default', mode: 'batch' },
  },
  old: { workflowId: `old/${name}`, runId: 'run', output: `file:///old/${name}`, bytes: 5 },
});
const campaignItems = async (_scope, _most, cursor) =>
  cursor === undefined
    ? { items: ['a', 'b'].map(campaignItem), passedOver: 1, next: 'second' }
    : { items: ['c', 'd', 'e'].map(campaignItem), passedOver: 0 };

const phaseIs = (handle, phase) =>
  until(async () => (await handle.query('campaign').catch(() => undefined))?.phase === phase);

/**
 * The workflow: parts of an `item`, or `starts`, a type with its arguments. What activities do otherwise, and what a client
 * does meanwhile.
 */
const HISTORIES = {
  'image-counted-failure': { item: {}, activities: { makeImage: after(1, () => failing('EncoderFailed'), result) } },
  'image-quarantined': { item: {}, activities: { makeImage: after(2, dead) } },
  'image-quarantined-by-worker': { item: {}, activities: { makeImage: after(1, () => failing('Quarantined')) } },
  'image-webhook': { item: { callbackUrl: 'https://example.com/hook' }, activities: {} },
  'batch-webhook': {
    starts: ['notifyBatch', { batchId: 'b', url: 'https://example.com/hook', runs: 1 }],
    activities: {},
  },
  // Paused while its canary waits for an approval, which comes before the resume.
  campaign: {
    starts: ['reprocess', CAMPAIGN],
    activities: { campaignItems },
    async meanwhile(handle) {
      await phaseIs(handle, 'awaiting approval');
      for (const signal of ['pause', 'approve']) await handle.signal(signal);
      await sleep(200);
      await handle.signal('resume');
    },
  },
  'campaign-stopped': {
    starts: ['reprocess', CAMPAIGN],
    activities: { campaignItems, compareOutputs: async () => 0.5 },
  },
  'campaign-cancelled': {
    starts: ['reprocess', CAMPAIGN],
    activities: { campaignItems },
    async meanwhile(handle) {
      await phaseIs(handle, 'awaiting approval');
      await handle.cancel();
    },
  },
  'campaign-settled': {
    starts: ['settleCampaign', CAMPAIGN.id, 'rollback'],
    activities: {
      campaignPairs: async (_id, cursor) => ({
        pairs: [{ made: 'file:///out/a', old: 'file:///old/a' }],
        next: cursor === undefined ? 'second' : undefined,
      }),
    },
  },
  // Nobody serves the model's own queue, so that the task goes on to the common one.
  'image-analysed': {
    item: { preset: { name: 'p', image: { analyse: ['text'], renditions: [] } } },
    activities: { findModel: async (model, missed) => (missed ? 'common' : 'warm') },
  },
  'video-planned': { item: { kind: 'video' }, activities: {} },
  // The fourth chunk fails once, and is made by its second attempt.
  'video-chunks': {
    item: { kind: 'video' },
    activities: {
      makeVideo: async () => LONG,
      makeChunk: nth(4, () => failing('EncoderFailed'), { renditions: [], files: [], attempt: 1 }),
    },
  },
  // Its stream can be played before the end, which somebody is told.
  'video-stream-grows': {
    item: { kind: 'video', callbackUrl: 'https://example.com/hook' },
    activities: { makeVideo: async () => GROWING },
  },
  // The source is replaced when the stream can be played, so that it is taken back.
  'video-stream-withdrawn': {
    item: { kind: 'video' },
    activities: {
      makeVideo: async () => GROWING,
      joinRung: after(1, () => failing('SourceReplaced'), { renditions: [] }),
    },
  },
  'video-counted-failure': {
    item: { kind: 'video' },
    activities: { makeOutputs: after(1, () => failing('EncoderFailed'), { renditions: [] }) },
  },
  'video-paused': {
    item: { kind: 'video' },
    activities: { makeVideo: async () => (await sleep(1500), SHORT) },
    async meanwhile(handle) {
      await stepIs(handle, 'running');
      await handle.signal('pause', true);
      await stepIs(handle, 'done');
      await sleep(200);
      await handle.signal('resume');
    },
  },
  'video-cancelled': {
    item: { kind: 'video', callbackUrl: 'https://example.com/hook' },
    activities: { makeVideo: async () => SHORT, makeOutputs: endless },
    async meanwhile(handle) {
      await stepIs(handle, 'done');
      await stepIs(handle, 'running');
      await handle.cancel();
    },
  },
  'video-outputs-removed': {
    item: { kind: 'video' },
    activities: { makeOutputs: after(1, () => failing('CorruptMedia')) },
  },
  'video-without-pictures': {
    item: { kind: 'video' },
    activities: { makeVideo: async () => ({ result: { ...result, kind: 'audio' } }) },
  },
  audio: { item: { kind: 'audio' }, activities: {} },
  'audio-outputs-removed': {
    item: { kind: 'audio' },
    activities: { makeAudio: after(4, () => failing('EncoderFailed')) },
  },
  'video-source-replaced': {
    item: { kind: 'video' },
    activities: {
      makeVideo: async () => SHORT,
      makeOutputs: after(1, () => failing('SourceReplaced'), { renditions: [] }),
    },
  },
};

/** Runs one row to its end, however it ends. @returns its history, encoded */
async function record(name, { item, starts, activities, meanwhile }, { connection, client }) {
  const all = { ...ACTIVITIES, ...activities };
  const worker = (pool, options) =>
    Worker.create({ connection, taskQueue: `${PREFIX}-${pool}`, activities: all, ...options });
  const workers = await Promise.all([
    worker('workflows', {
      workflowBundle: { codePath: path.join(root, 'dist/workflow-bundle.js') },
      sinks: { items: { ended: { fn: () => undefined } } },
    }),
    worker('image'),
    worker('video'),
    worker('models'),
  ]);
  const running = Promise.all(workers.map((each) => each.run()));
  try {
    const kind = item?.kind ?? 'image';
    const whole = {
      ...{ batchId: 'recorded', itemKey: name, kind, source: `file:///in/${name}`, output: `file:///out/${name}` },
      ...{
        preset: { name: 'p', video: { audio: 'drop', rungs: [] } },
        recipe: '0000000000',
        priority: 3,
        tenant: 'default',
      },
      ...item,
    };
    const [type, ...args] = starts ?? [built('common/kinds.js').KINDS[kind].workflow, whole];
    const handle = await client.workflow.start(type, {
      ...{ workflowId: `recorded/${name}`, taskQueue: `${PREFIX}-workflows`, args },
    });
    await meanwhile?.(handle);
    await handle.result().catch(() => undefined);
    const history = await handle.fetchHistory();
    return temporal.api.history.v1.History.encode(history).finish();
  } finally {
    for (const each of workers) each.shutdown();
    await running;
  }
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in HISTORIES));
if (unknown.length > 0) fail(`No such history: ${unknown.join(', ')}. There is ${Object.keys(HISTORIES).join(', ')}.`);
const fileOf = (name) => path.join(folder, `${name}.pb`);
const names = asked.length > 0 ? asked : Object.keys(HISTORIES).filter((name) => !existsSync(fileOf(name)));

Runtime.install({ logger: new DefaultLogger('ERROR') });
const home = mkdtempSync(path.join(os.tmpdir(), 'darkroom-record-'));
const port = await built('local/embedded/free-port.js').freePort();
const config = built('common/config/index.js').loadConfig({ ...process.env, TEMPORAL_ADDRESS: `127.0.0.1:${port}` });
const { toStderr } = built('local/embedded/report.js');
const binary = await built('local/embedded/temporal-binary.js').ensureTemporalBinary(config, toStderr);
const pid = await built('local/embedded/temporal-server.js').startTemporalServer({ home, port, binary, dbFile: false });
try {
  const address = `127.0.0.1:${port}`;
  const [connection, plain] = [await NativeConnection.connect({ address }), await Connection.connect({ address })];
  for (const name of names) {
    writeFileSync(
      fileOf(name),
      await record(name, HISTORIES[name], { connection, client: new Client({ connection: plain }) }),
    );
    console.log(`recorded ${name}`);
  }
  await connection.close();
  await plain.close();
} finally {
  process.kill(pid, 'SIGKILL');
  rmSync(home, { recursive: true, force: true });
}
