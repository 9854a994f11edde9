/**
 * Histories of real runs (scripts/record-histories.mjs) replayed against today's workflows: a change that would break
 * items that are at work during a deploy fails here first. Record them anew when commands change on purpose.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { built, projectRoot } from '../../common/paths';

const folder = path.join(projectRoot(), 'test/histories');
const names = readdirSync(folder);
const { History } = temporal.api.history.v1;

const read = (name: string) => History.decode(readFileSync(path.join(folder, name)));
const replay = (history: unknown, bundle = 'workflow-bundle.js') =>
  Worker.runReplayHistory({ workflowBundle: { codePath: built(bundle) } }, history);

beforeAll(() => void Runtime.install({ logger: new DefaultLogger('ERROR') }));

test('there are histories of both kinds, of a success and of failures, and of a video with HLS', () => {
  expect(names.sort()).toEqual(['image-refused.pb', 'image.pb', 'video-hls.pb', 'video-killed.pb', 'video.pb']);
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
