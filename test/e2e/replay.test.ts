/**
 * Histories of real runs (scripts/record-histories.mjs) replayed against today's workflows: a change that would break
 * items that are at work during a deploy fails here first. One of today's way is added for each change on purpose.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { built, projectRoot } from '../../common/paths';

const folder = path.join(projectRoot(), 'test/histories');
const names = readdirSync(folder);
const { History: Encoded } = temporal.api.history.v1;

const read = (name: string) => Encoded.decode(readFileSync(path.join(folder, name)));
type History = ReturnType<typeof read>;
/** Under its own id, which the ids of webhooks are made of. */
const replay = (history: History, bundle = 'workflow-bundle.js') => {
  const { workflowId } = history.events[0]?.workflowExecutionStartedEventAttributes ?? {};
  return Worker.runReplayHistory({ workflowBundle: { codePath: built(bundle) } }, history, workflowId ?? undefined);
};

beforeAll(() => void Runtime.install({ logger: new DefaultLogger('ERROR') }));

test('there are histories of every way that a run takes', () => {
  const ended = [
    'image',
    'image-refused',
    'video',
    'video-hls',
    'video-planned',
    'video-source-replaced',
    'video-chunks',
    'video-stream-grows',
    'video-stream-withdrawn',
    'audio',
  ];
  const failed = [
    'image-counted-failure',
    'video-counted-failure',
    'video-outputs-removed',
    'video-killed',
    'audio-outputs-removed',
  ];
  const quarantined = ['image-quarantined', 'image-quarantined-by-worker'];
  const steered = ['video-paused', 'video-cancelled'];
  const turned = ['video-without-pictures'];
  const told = ['image-webhook', 'batch-webhook'];
  const analysed = ['image-analysed', 'image-analysed-unrouted'];
  const campaigns = ['campaign', 'campaign-stopped', 'campaign-cancelled', 'campaign-settled'];
  const items = [...ended, ...analysed, ...failed, ...quarantined, ...steered, ...turned];
  const wanted = [...items, ...told, ...campaigns].map((name) => `${name}.pb`);
  expect(names).toEqual(expect.arrayContaining(wanted));
});

test('a history holds what its name says', () => {
  const kinds = (name: string): Set<string> => {
    const types = read(`${name}.pb`).events.map(({ eventType }) => String(eventType));
    const activities = read(`${name}.pb`).events.map(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name,
    );
    return new Set([...types, ...activities].filter((each) => each !== undefined && each !== null));
  };
  const { EventType } = temporal.api.enums.v1;
  expect(kinds('video-paused')).toContain(String(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED));
  expect(kinds('video-cancelled')).toContain(String(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED));
  expect(kinds('image-counted-failure')).toContain(String(EventType.EVENT_TYPE_TIMER_FIRED));
  expect(kinds('image-quarantined')).toContain('quarantine');
  expect(kinds('video-outputs-removed')).toContain('removeOutputs');
  expect(kinds('video-planned')).toContain('packageStream');
  expect(kinds('video-chunks')).toContain('makeChunk');
  expect(kinds('video-chunks')).toContain('joinRung');
  expect(kinds('video-chunks')).toContain(String(EventType.EVENT_TYPE_TIMER_FIRED));
  expect(kinds('video-stream-grows')).toContain('growStream');
  expect(kinds('video-stream-withdrawn')).toContain('removeOutputs');
  expect(kinds('image-analysed')).toContain(String(EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT));
  expect(kinds('image-analysed-unrouted')).toContain('analyse');
  expect(kinds('image-analysed-unrouted')).not.toContain(String(EventType.EVENT_TYPE_MARKER_RECORDED));
  expect(kinds('audio-outputs-removed')).toContain('removeOutputs');
  const upserted = String(EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES);
  expect(kinds('video-without-pictures')).toContain(upserted);
  const child = String(EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED);
  expect(kinds('campaign')).toContain(child);
  expect(kinds('campaign')).toContain('adoptOutputs');
  expect(kinds('campaign')).toContain(String(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED));
  expect(kinds('campaign-stopped')).toContain('compareOutputs');
  expect(kinds('campaign-stopped')).not.toContain('adoptOutputs');
  expect(kinds('campaign-cancelled')).toContain(String(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED));
  expect(kinds('campaign-settled')).toContain('settleOutputs');
  expect(kinds('image-webhook')).toContain(String(EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED));
});

test.each(names)('%s replays', async (name) => {
  await replay(read(name));
});

test.each(names)('%s replays where encryption was switched on since', async (name) => {
  await replay(read(name), 'workflow-bundle-encrypted.js');
});

test('a history that does not fit is noticed', async () => {
  const history = read('video.pb');
  const type = history.events
    .map((event) => event.activityTaskScheduledEventAttributes?.activityType)
    .find((found) => found !== undefined && found !== null);
  if (type) type.name = 'other';
  await expect(replay(history)).rejects.toThrow(/[Nn]on-?determinis/);
});
