/** Items whose preset asks models, through a server and worker processes. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { parsePreset } from '../../media/presets';
import type { Manifest } from '../../common/contracts';
import { hasModels } from '../../models/runtime';
import { runProcess } from '../../common/process';
import { manifestOf, queuesOf, submit } from '../support/items';
import { canSpeak, CANNOT_SPEAK, speak } from '../support/clips';
import { describeWhere, testWhere } from '../support/only-where';
import { startStack, type Stack } from '../support/stack';

const PICTURES = parsePreset(
  'pictures',
  'image: { analyse: [text], renditions: [{ name: small, format: webp, width: 64, quality: 70, effort: 0 }] }',
);
const SOUNDS = parsePreset(
  'sounds',
  'audio: { analyse: [speech], renditions: [{ name: a, codec: aac, bitrate: 64 }] }',
);
const POSTERS = parsePreset(
  'posters',
  `video:
  analyse: [text]
  rungs: [{ name: 120p, height: 120, crf: 30, maxrate: 200, speed: ultrafast, audioBitrate: 64 }]
  poster: { format: webp, width: 640, quality: 80 }`,
);

/** Inferences that receipts name; each took CPU time. */
function modelsIn(receipts: Manifest['receipts'] = {}): string[] {
  const commands = Object.values(receipts).flatMap((receipt) =>
    receipt.activity === 'analyse' ? receipt.commands : [],
  );
  return commands.flatMap(({ argv, cpuSeconds }) => (argv[1] === 'run' && cpuSeconds! > 0 ? argv.join(' ') : []));
}

describeWhere(hasModels(), 'the models are not installed; "npm run models" installs them')('items with analyse', () => {
  let stack: Stack;
  let page: string;

  beforeAll(async () => {
    stack = await startStack({ DARKROOM_POOLS: 'workflows,image,video' });
    await stack.worker();
    page = path.join(stack.home, 'in', 'page.png');
    await mkdir(path.dirname(page));
    const text = '<text x="40" y="150" font-size="60" font-family="sans-serif">Ticket 4711</text>';
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="270"><rect width="100%" height="100%" fill="#fff"/>${text}</svg>`;
    await sharp(Buffer.from(svg)).png().toFile(page);
  }, 60_000);
  afterAll(() => stack.stop());

  test('a task goes where the model is in memory; a worker that is lost costs a wait, and no item', async () => {
    const first = await stack.worker({ DARKROOM_POOLS: 'models' });
    const before: string[] = [];
    const after: string[] = [];
    for (const queues of [before, after, after]) {
      const { item, handle } = await submit(stack, page, PICTURES);
      await handle.result();
      queues.push((await queuesOf(handle)).join(' then '));
      expect((await manifestOf(item)).analysis?.text?.lines).toHaveLength(1);
    }
    expect(before).toEqual(['darkroom-models']);
    expect(after).toEqual(['darkroom-models-text', 'darkroom-models-text']);
    process.kill(first.pid, 'SIGKILL');
    await first.ended;
    const second = await stack.worker({ DARKROOM_POOLS: 'models' });
    const { handle } = await submit(stack, page, PICTURES);
    await handle.result();
    expect(await queuesOf(handle)).toEqual(['darkroom-models-text', 'darkroom-models']);
    await second.stop();
  }, 120_000);

  test('a model that fails costs the analysis and no picture', async () => {
    const worker = await stack.worker({ DARKROOM_POOLS: 'models', DARKROOM_MODEL_TIMEOUT: '1ms' });
    const { item, handle } = await submit(stack, page, PICTURES);
    await handle.result();
    await worker.stop();
    const { analysis, warnings, renditions } = await manifestOf(item);
    expect(renditions).toHaveLength(1);
    expect(analysis).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/^There is no analysis "text" .*took longer than 0.001 s/)]);
  }, 120_000);

  test('text of pictures and of posters is in the manifest', async () => {
    await stack.worker({ DARKROOM_POOLS: 'models' });
    const clip = path.join(stack.home, 'in', 'clip.mp4');
    const still = ['-loop', '1', '-t', '2', '-i', page, '-r', '10', '-pix_fmt', 'yuv420p', clip];
    await runProcess('ffmpeg', ['-v', 'error', ...still], { timeoutMs: 60_000 });
    const [picture, video, damaged] = [
      await submit(stack, page, PICTURES),
      await submit(stack, clip, POSTERS),
      await submit(stack, clip, PICTURES),
    ];
    await Promise.all([picture.handle.result(), video.handle.result()]);
    for (const { item } of [picture, video]) {
      const { analysis, receipts, warnings } = await manifestOf(item);
      expect(analysis?.text?.alt.replaceAll(' ', '')).toBe('Ticket4711');
      expect(modelsIn(receipts)).toEqual([expect.stringMatching(/^model run text PP-OCRv4 /)]);
      expect(warnings).toEqual([]);
    }
    const poster = (await manifestOf(video.item)).renditions.find(({ role }) => role === 'poster');
    const [, end = [0]] = (await manifestOf(video.item)).analysis?.text?.lines[0]?.box ?? [];
    expect(end[0]).toBeLessThanOrEqual(poster?.width ?? 0);
    // No picture: the item fails for that, as it does without models.
    await expect(damaged.handle.result()).rejects.toMatchObject({ cause: { type: 'UnsupportedMedia' } });
  }, 120_000);

  testWhere(canSpeak, CANNOT_SPEAK)('when somebody speaks in a sound is in the manifest', async () => {
    const file = path.join(stack.home, 'in', 'words.wav');
    speak('Good morning everybody. The next train leaves at nine.', file, 'wav');
    const { item, handle } = await submit(stack, file, SOUNDS);
    await handle.result();
    const { analysis, receipts, renditions, warnings } = await manifestOf(item);
    expect(modelsIn(receipts)).toEqual([expect.stringMatching(/^model run speech Silero VAD /)]);
    expect([renditions.length, warnings]).toEqual([1, []]);
    const { seconds, ranges = [] } = analysis?.speech ?? {};
    expect(seconds).toBeGreaterThan(2);
    // Before the words there are three seconds of a tone, and behind them two of silence.
    expect(ranges[0]?.[0]).toBeGreaterThan(2.5);
    expect(ranges.at(-1)?.[1]).toBeLessThan((renditions[0]?.durationSeconds ?? 0) - 1.5);
  });
});
