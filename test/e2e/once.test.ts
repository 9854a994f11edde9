/**
 * What no manifest names is not there: after an item that fails, and after a source that is replaced, before or while it is
 * processed. Real workers, real ffmpeg, real server.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { WorkItem } from '../../common/contracts';
import type { Service } from '../../local/embedded/child-process';
import { taskQueue } from '../../common/pools';
import { parsePreset } from '../../media/presets';
import { fileUri } from '../../storage';
import { clipFolder, ffmpeg, picture, settings, sound, X264 } from '../support/clips';
import { checkedManifest, filesOf, labItem } from '../support/lab';
import { startStack, until, type Stack } from '../support/stack';

const clips = clipFolder();
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await mkdir(path.join(stack.home, 'in'));
  await stack.worker({ DARKROOM_POOLS: 'workflows' });
});
afterAll(async () => {
  await stack.stop();
  clips.remove();
});

const RUNG = '{ name: low, height: 180, crf: 30, maxrate: 200, speed: ultrafast, audioBitrate: 64 }';
const ENCODE = parsePreset('encode', `video: { rungs: [${RUNG}] }`);
const ALL = parsePreset(
  'all',
  `
video:
  hls: true
  rungs: [${RUNG}]
  poster: { format: webp, width: 160, quality: 70 }
  sprite: { width: 64, columns: 2, rows: 2, quality: 70 }
`,
);

const inside = (name: string): string => path.join(stack.home, 'in', name);
const outside = (name: string): string => path.join(stack.home, 'out', name);
const clip = (name: string, size: string, seconds: number): string =>
  ffmpeg(`${picture(size, seconds)} ${sound(seconds)} ${X264} -c:a aac -movflags +faststart`, inside(name));

const workers: Service[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});

async function videoWorker(env: Record<string, string> = {}): Promise<Service> {
  const worker = await stack.worker({ DARKROOM_POOLS: 'video', ...env });
  workers.push(worker);
  return worker;
}

function start(itemKey: string, source: string, preset = ENCODE): Promise<WorkflowHandle> {
  const place = { output: fileUri(outside(itemKey)), source: fileUri(source) };
  const item: WorkItem = labItem(source, { kind: 'video', itemKey, preset, ...place });
  return stack.client.workflow.start('processVideo', {
    workflowId: `once/${itemKey}`,
    taskQueue: taskQueue(stack.config.queuePrefix, 'workflows'),
    args: [item],
  });
}

/** An ffmpeg that does `around` the encode of a rung, which stands there as `$encode`. */
async function ffmpegWith(name: string, around: string): Promise<string> {
  const script = clips.at(name);
  const encode = `${settings.ffmpegPath} "$@"`;
  const text = `#!/bin/sh\ncase " $* " in *libx264*) ;; *) exec ${encode} ;; esac\n${around.replaceAll('$encode', encode)}\n`;
  await writeFile(script, text, { mode: 0o755 });
  return script;
}

const sha256 = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

test('a video that fails in one of its tasks leaves nothing, though its plan was stored', async () => {
  await videoWorker({ DARKROOM_SHORT_VIDEO: '0' });
  const source = clip('cut.mp4', '640x360', 20);
  const { size } = await stat(source);
  await truncate(source, Math.round(size * 0.6));
  const handle = await start('cut', source, ALL);
  await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
  const { events } = await handle.fetchHistory();
  const done = (events ?? []).filter((event) => event.activityTaskCompletedEventAttributes).length;
  // The plan, and the removal.
  expect(done).toBeGreaterThan(1);
  expect(await filesOf(outside('cut'))).toEqual({});
}, 120_000);

test('a source that was replaced, processed again: only the files of the new version are there', async () => {
  await videoWorker();
  const source = clip('twice.mp4', '640x360', 3);
  await (await start('twice', source, ALL)).result();
  const first = await checkedManifest(outside('twice'));
  await rename(clip('new.mp4', '320x180', 5), source);
  await (await start('twice', source, ALL)).result();
  const second = await checkedManifest(outside('twice'));
  expect(second.source.sha256).toBe(await sha256(source));
  expect(second.replaces).toHaveLength(first.renditions.length);
  const storyboard = second.renditions.find(({ role }) => role === 'storyboard');
  const sheets = second.renditions.filter(({ role }) => role === 'sprite').map(({ path }) => path);
  const cues = (await readFile(path.join(outside('twice'), storyboard?.path ?? ''), 'utf8')).match(/^.*(?=#xywh)/gm);
  expect([...new Set(cues)]).toEqual(sheets);
}, 120_000);

test('a source that is overwritten while it is encoded: the item begins anew, with the new one', async () => {
  const [begun, go] = [clips.at('begun'), clips.at('go')];
  const wait = `: > ${begun}\nwhile [ ! -e ${go} ]; do sleep 0.05; done\n$encode`;
  await videoWorker({ FFMPEG_PATH: await ffmpegWith('waiting-ffmpeg', wait) });
  const source = clip('changing.mp4', '640x360', 3);
  const handle = await start('changing', source);
  await until(() => filesOf(clips.folder).then((files) => 'begun' in files));
  // The same file, other bytes: what holds a hard link of it sees them, too.
  await copyFile(clip('other.mp4', '320x180', 5), source);
  await writeFile(go, '');
  await handle.result();
  const { source: facts, renditions } = await checkedManifest(outside('changing'));
  expect(facts).toMatchObject({ sha256: await sha256(source), width: 320, height: 180 });
  expect(renditions[0]?.durationSeconds).toBeCloseTo(5, 0);
}, 120_000);
