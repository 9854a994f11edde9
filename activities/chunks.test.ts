/** A long video in chunks, task by task, without a server: real ffmpeg and storage. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile, mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import type { WorkItem } from '../common/contracts';
import type { PlanRef, Task, TaskActivity, TaskResult } from '../common/tasks';
import { parsePreset } from '../media/presets';
import { fileUri } from '../storage';
import { runTasks } from '../workflows/task-runner';
import { ffmpeg, picture, settings, sound, streamsOf, X264 } from '../test/support/clips';
import { attempt, checkedManifest, labItem, openLab, type Lab } from '../test/support/lab';
import { joinRung, makeChunk } from './chunks';
import type { ActivityDeps } from './deps';
import { growStream } from './grow-stream';
import { makeVideo } from './make-video';
import { makeOutputs, makeSound, makeSoundHead, packageStream, publishOutputs } from './video-tasks';

const rung = (name: string, height: number): string =>
  `{ name: ${name}, height: ${height}, crf: 30, maxrate: 300, speed: ultrafast, audioBitrate: 64 }`;
const PRESET = parsePreset(
  'chunks',
  `video: { audio: optional, hls: true, rungs: [${rung('low', 90)}, ${rung('high', 180)}], poster: { format: webp, width: 160, quality: 70 } }`,
);

let lab: Lab;
let source: string;
beforeAll(async () => {
  lab = await openLab({ DARKROOM_SHORT_VIDEO: '0', DARKROOM_CHUNK_CPU: '45ms' });
  source = ffmpeg(`${picture('320x180', 14, 30)} ${sound(14)} ${X264} -c:a aac`, path.join(lab.root, 'film.mp4'));
});
afterAll(() => lab.close());

const ACTIVITIES = { makeSound, makeSoundHead, makeOutputs, makeChunk, joinRung, packageStream, publishOutputs };
const RUN = '0193c0de-0000-7000-8000-0123456789ab';

async function item(): Promise<WorkItem> {
  const folder = await mkdtemp(path.join(lab.root, 'case-'));
  return labItem(path.join(folder, 'x'), { kind: 'video', source: fileUri(source), preset: PRESET });
}

async function planOf(item: WorkItem, deps = lab.deps): Promise<PlanRef> {
  const outcome = await attempt(() => makeVideo(deps, item), { runId: RUN });
  if (!('planned' in outcome)) throw new Error('made at once');
  return outcome.planned;
}

/** Each task as an attempt of its own. */
function run(deps: ActivityDeps, item: WorkItem, { plan, tasks }: PlanRef): Promise<Record<string, TaskResult>> {
  let number = 1;
  return runTasks<Task, TaskResult>(tasks, (task, results) => {
    const activityId = String(++number);
    return attempt(() => ACTIVITIES[task.activity as TaskActivity](deps, item, { plan, task, results }), {
      runId: RUN,
      activityId,
    });
  });
}

test('the plan: sound and chunks first, each rung joined of its chunks, published at last', async () => {
  const { tasks, window } = await planOf(await item());
  expect(tasks.map(({ id }) => id)).toEqual([
    'sound',
    'encode low, high 0:00:00-0:00:06',
    'encode low, high 0:00:06-0:00:12',
    'encode low, high 0:00:12-0:00:14',
    'poster',
    'join low',
    'join high',
    'package',
    'publish',
  ]);
  expect(window).toBe(16);
});

test('the result is that of any video: whole rungs with their sound, a stream, a poster, no intermediates', async () => {
  const it = await item();
  const results = await run(lab.deps, it, await planOf(it));
  expect(results['publish']?.result).toMatchObject({ renditions: 4 });
  const folder = new URL(it.output).pathname;
  const manifest = await checkedManifest(folder);
  expect(manifest.renditions.map(({ role, frames }) => [role, frames])).toEqual([
    ['stream', undefined],
    ['video', 420],
    ['video', 420],
    ['poster', undefined],
  ]);
  expect(manifest.chunks).toBe(3);
  // Of the look at the source, and of each task that runs a program: the chunks, too.
  expect(Object.keys(manifest.receipts ?? {})).toHaveLength(1 + 7);
  for (const { path: name } of manifest.renditions.filter(({ role }) => role === 'video')) {
    expect(streamsOf(path.join(folder, name))).toMatchObject([{ nb_read_frames: '420' }, { codec_name: 'aac' }]);
  }
  expect(readdirSync(folder)).not.toContain('.work');
});

test('a quality: the chunks that miss it are encoded again, and the manifest says so of each rung, and what it cost', async () => {
  const cut = `hls: true, quality: { ssim: 0.95 }, rungs: [${rung('low', 90)}, ${rung('capped', 144)}]`;
  const preset = parsePreset('quality', `video: { ${cut.replace('300', '3000')} }`);
  const folder = await mkdtemp(path.join(lab.root, 'quality-'));
  const grain = `${picture('256x144', 14, 25)},noise=alls=40:allf=t:enable=gte(t\\,6)`;
  const own = ffmpeg(`${grain} ${X264} -crf 12`, path.join(folder, 'grain.mp4'));
  const it = labItem(path.join(folder, 'x'), { kind: 'video', source: fileUri(own), preset });
  await run(lab.deps, it, await planOf(it, { ...lab.deps, config: { ...lab.deps.config, chunkCpu: 22 } }));
  const { chunks = 0, renditions, warnings, receipts = {} } = await checkedManifest(new URL(it.output).pathname);
  expect(chunks).toBe(3);
  const [low, capped] = ['low', 'capped'].map((name) => renditions.find((each) => each.name === name)?.quality);
  expect(low).toMatchObject({ target: 0.95, chunks: { again: 2 } });
  expect(low?.crf).toBeLessThan(30);
  expect(low?.chunks?.lowest).toBeGreaterThanOrEqual(0.95);
  expect(low?.ssim).toBeGreaterThan(low?.chunks?.lowest ?? 1);
  expect(capped?.chunks?.lowest).toBeLessThan(0.95);
  expect(warnings).toEqual([expect.stringMatching(/^A chunk of capped has an SSIM of .* video\.quality\.ssim/)]);
  const compared = Object.values(receipts).filter(({ commands }) =>
    commands.some(({ argv }) => argv.some((word) => word.includes('ssim@like'))),
  );
  expect(compared).toHaveLength(3);
  // A picture is decoded by the header of the first chunk, whatever the factor of its own.
  const film = path.join(new URL(it.output).pathname, renditions.find(({ name }) => name === 'low')?.path ?? '');
  const graph = '[0:v]scale=160:90,format=yuv420p[a];[1:v]format=yuv420p[b];[a][b]ssim';
  const words = ['-hide_banner', '-nostats', '-i', own, '-i', film, '-lavfi', graph, '-f', 'null', '-'];
  const likeness = Number(/All:([\d.]+)/.exec(String(spawnSync(settings.ffmpegPath, words).stderr))?.[1]);
  expect(Math.abs(likeness - (low?.ssim ?? 0))).toBeLessThan(0.02);
});

test('ladder: auto: the plan has the rungs that samples led to, for chunks as for a video in one piece', async () => {
  const preset = parsePreset('auto', 'video: { hls: true, ladder: auto, quality: { ssim: 0.9 } }');
  const it = { ...(await item()), preset };
  await run(lab.deps, it, await planOf(it));
  const inChunks = await checkedManifest(new URL(it.output).pathname);
  const other = { ...(await item()), preset };
  const deps = { ...lab.deps, config: { ...lab.deps.config, shortVideo: 1000 } };
  expect(await attempt(() => makeVideo(deps, other), { runId: RUN })).toHaveProperty('result');
  const atOnce = await checkedManifest(new URL(other.output).pathname);
  expect([inChunks.chunks, atOnce.chunks]).toEqual([expect.any(Number), undefined]);
  expect(inChunks.ladder).toEqual(atOnce.ladder);
  const [rung] = inChunks.ladder?.rungs ?? [];
  expect(inChunks.ladder).toMatchObject({
    target: 0.9,
    rungs: [{ name: '360p', width: 320, height: 180 }],
    dropped: [],
  });
  // Other than the factor that stands where nothing was sampled.
  expect(rung?.crf).not.toBe(23);
  for (const { renditions } of [inChunks, atOnce]) {
    expect(renditions.find(({ name }) => name === '360p')?.quality).toMatchObject({ crf: rung?.crf, tries: 1 });
  }
});

test('its stream can be played while it is made, at the address that it keeps; nobody who is late undoes the end', async () => {
  const it = await item();
  const planned = await planOf(it);
  const [folder, stream] = [new URL(it.output).pathname, planned.stream ?? ''];
  const results: Record<string, TaskResult> = {};
  const run = async (...ids: string[]): Promise<void> => {
    for (const task of planned.tasks.filter(({ id }) => ids.includes(id))) {
      const input = { plan: planned.plan, task, results };
      const make = () => ACTIVITIES[task.activity as TaskActivity](lab.deps, it, input);
      results[task.id] = await attempt(make, { runId: RUN, activityId: task.id.replace(/\W+/g, '-') });
    }
  };
  const grow = (...ids: string[]) => {
    const some = Object.fromEntries(ids.map((id) => [id, results[id] ?? { renditions: [] }]));
    return attempt(() => growStream(lab.deps, it, { plan: planned.plan, results: some }), { runId: RUN });
  };
  const [first, second, third] = planned.tasks.filter(({ activity }) => activity === 'makeChunk').map(({ id }) => id);
  if (first === undefined || second === undefined || third === undefined) throw new Error('not in chunks');
  const read = (name: string): string => readFileSync(path.join(folder, stream, name), 'utf8');
  // As it is: ffmpeg would wait for what will come.
  const frames = (): number => {
    const names = [...read('video-low/index.m3u8').matchAll(/URI="(.+)"|^(\d+\.m4s)$/gm)].map(
      ([, a, b]) => a ?? b ?? '',
    );
    const file = path.join(lab.root, 'played.mp4');
    writeFileSync(file, Buffer.concat(names.map((name) => readFileSync(path.join(folder, stream, 'video-low', name)))));
    return decoded(file, '-map 0:v:0 -s 1x1 -pix_fmt gray -f rawvideo').length;
  };

  await run('sound', first);
  const seconds = await grow('sound', first);
  expect(seconds).toEqual({ path: `${stream}/master.m3u8`, seconds: 6 });
  expect(read('video-low/index.m3u8')).toMatch(/PLAYLIST-TYPE:EVENT\n(?!.*ENDLIST)/s);
  expect(read('master.m3u8').match(/^video-.*$/gm)).toEqual(['video-low/index.m3u8', 'video-high/index.m3u8']);
  expect(frames()).toBe(180);
  // The same call again, as after an answer that was lost.
  expect(await grow('sound', first)).toEqual(seconds);
  await run(second);
  await grow('sound', second);
  expect(frames()).toBe(360);
  const segment = readFileSync(path.join(folder, stream, 'video-low/00001.m4s'));

  await run(third, 'poster', 'join low', 'join high', 'package');
  const whole = read('master.m3u8');
  expect(await grow('sound', third)).toBeUndefined();
  await run('publish');
  expect(read('master.m3u8')).toBe(whole);
  expect(read('video-low/index.m3u8')).toMatch(/PLAYLIST-TYPE:VOD.*ENDLIST/s);
  const { renditions } = await checkedManifest(folder);
  expect(renditions.find(({ role }) => role === 'stream')?.path).toBe(`${stream}/master.m3u8`);
  expect(readFileSync(path.join(folder, stream, 'video-low/00001.m4s'))).toEqual(segment);
  expect(frames()).toBe(420);
});

test('of a longer film the beginning of the sound is there before the rest, and stays as it is', async () => {
  const folder = await mkdtemp(path.join(lab.root, 'longer-'));
  const words = `-f lavfi -i testsrc2=s=320x180:r=5:d=75 ${sound(75)} ${X264} -g 50 -c:a aac`;
  // With pictures that are shown in another order than they are coded in, which delays the last ones of each chunk.
  const rungs = `${rung('low', 90)}, ${rung('high', 180)}`.replaceAll('ultrafast', 'veryfast');
  const preset = parsePreset('longer', `video: { hls: true, rungs: [${rungs}] }`);
  const it = { ...(await item()), preset, source: fileUri(ffmpeg(words, path.join(folder, 'longer.mp4'))) };
  const deps = { ...lab.deps, config: { ...lab.deps.config, chunkCpu: 15 } };
  const planned = await planOf(it, deps);
  const ids = planned.tasks.map(({ id }) => id);
  // The first rung goes ahead, too.
  const [head = '', first = '', second = '', whole = ''] = ids;
  expect([head, first, second, whole]).toEqual([
    ...['sound head', 'encode low 0:00:00-0:00:06', 'encode low 0:00:06-0:00:18', 'sound'],
  ]);
  const [out, stream] = [new URL(it.output).pathname, planned.stream ?? ''];
  const read = (name: string): string => readFileSync(path.join(out, stream, name), 'utf8');
  const beginning = (): Buffer => readFileSync(path.join(out, stream, 'audio/00004.m4s'));
  const seconds = (name: string): number =>
    [...read(name).matchAll(/EXTINF:([\d.]+)/g)].reduce((sum, [, text]) => sum + Number(text), 0);
  const done: Record<string, TaskResult> = {};
  const make = async (...wanted: string[]): Promise<void> => {
    for (const task of planned.tasks.filter(({ id }) => wanted.includes(id))) {
      const input = { plan: planned.plan, task, results: done };
      const work = () => ACTIVITIES[task.activity as TaskActivity](deps, it, input);
      done[task.id] = await attempt(work, { runId: RUN, activityId: String(ids.indexOf(task.id) + 2) });
    }
  };
  const grow = (...some: string[]) => {
    const results = Object.fromEntries(some.map((id) => [id, done[id] ?? { renditions: [] }]));
    return attempt(() => growStream(deps, it, { plan: planned.plan, results }), { runId: RUN });
  };
  await make(head, first);
  expect(await grow(head, first)).toMatchObject({ seconds: 6 });
  expect(read('master.m3u8').match(/^video-.*$/gm)).toEqual(['video-low/index.m3u8']);
  expect(read('audio/index.m3u8')).toMatch(/EVENT(?!.*ENDLIST)/s);
  expect(Math.round(seconds('audio/index.m3u8'))).toBe(30);
  const early = beginning();
  await make(second, whole);
  expect(await grow(head, whole, second)).toMatchObject({ seconds: 18 });
  expect(read('audio/index.m3u8')).toMatch(/VOD.*ENDLIST/s);
  expect(Math.round(seconds('audio/index.m3u8'))).toBe(75);
  await make(...ids.slice(4));
  expect(read('master.m3u8').match(/^video-.*$/gm)).toEqual(['video-low/index.m3u8', 'video-high/index.m3u8']);
  expect(Math.round(seconds('video-high/index.m3u8'))).toBe(75);
  expect(seconds('video-high/index.m3u8')).toBeCloseTo(75, 5);
  expect(seconds('video-low/index.m3u8')).toBeCloseTo(75, 5);
  expect(beginning()).toEqual(early);
  const { renditions } = await checkedManifest(out);
  expect(renditions.flatMap(({ role, frames }) => (role === 'video' ? [frames] : []))).toEqual([375, 375]);
});

test('a chunk whose encoder fails names its range', async () => {
  const it = await item();
  const planned = await planOf(it);
  const deps = { ...lab.deps, ffmpeg: { ...lab.deps.ffmpeg, ffmpegPath: '/bin/false' } };
  const task = planned.tasks.find(({ outputs }) => outputs[0] === 'chunk:0:1');
  if (task === undefined) throw new Error('no such task');
  await expect(attempt(() => makeChunk(deps, it, { plan: planned.plan, task, results: {} }))).rejects.toMatchObject({
    type: 'EncoderFailed',
    details: [{ range: '0:00:06-0:00:12' }],
  });
});

test('a source that is replaced between the plan and a chunk is noticed by the chunk, in one sentence', async () => {
  const folder = await mkdtemp(path.join(lab.root, 'replaced-'));
  const own = path.join(folder, 'film.mp4');
  await copyFile(source, own);
  const it = { ...(await item()), source: fileUri(own) };
  const planned = await planOf(it);
  await copyFile(ffmpeg(`${picture('160x90', 14, 25)} ${X264}`, path.join(folder, 'other.mp4')), own);
  await expect(run(lab.deps, it, planned)).rejects.toMatchObject({
    type: 'SourceReplaced',
    message: expect.stringMatching(/^[^.]+\.$/) as string,
  });
});

/** A film of one grey in chunks, whose preset lays a red logo on it: 60 of 180 px wide in the larger rung, 30 in the other. */
async function markedFilm(logo: string): Promise<WorkItem> {
  const grey = path.join(lab.root, 'grey.mp4');
  ffmpeg(`-f lavfi -i color=0x808080:s=360x180:r=30:d=14 ${X264}`, grey);
  ffmpeg('-f lavfi -i color=red:s=60x30 -frames:v 1', logo);
  const mark = `{ source: '${fileUri(logo)}', gravity: northeast, scale: 0.25, margin: 20, opacity: 0.8 }`;
  const more = 'preview: { scenes: 2, seconds: 0.5, width: 180 }, poster: { format: jpeg, width: 360, quality: 90 }';
  const text = `video: { watermark: ${mark}, ${more}, quality: { ssim: 0.99 }, rungs: [${rung('low', 90)}, ${rung('high', 180)}] }`;
  const place = path.join(await mkdtemp(path.join(lab.root, 'marked-')), 'x');
  return labItem(place, { kind: 'video', source: fileUri(grey), preset: parsePreset('marked', text) });
}

test('a watermark lies on each picture of each rung at its size, in all chunks, and on the preview', async () => {
  const it = await markedFilm(path.join(lab.root, 'logo.png'));
  const planned = await planOf(it);
  expect(planned.tasks.filter(({ activity }) => activity === 'makeChunk').length).toBeGreaterThan(1);
  await run(lab.deps, it, planned);
  const folder = new URL(it.output).pathname;
  const manifest = await checkedManifest(folder);
  expect(manifest.watermarks).toMatchObject([{ uri: fileUri(path.join(lab.root, 'logo.png')) }]);
  // They are compared with the source as it is with the mark.
  expect(manifest.renditions.flatMap(({ quality }) => quality?.tries ?? [])).toEqual([1, 1]);
  const shown = manifest.renditions.filter(({ mime }) => mime === 'video/mp4');
  expect(shown.map(({ name }) => name)).toEqual(['low', 'high', 'preview']);
  for (const { name, path: file, frames, width = 0 } of shown) {
    const pixels = decoded(path.join(folder, file), '-map 0:v -pix_fmt rgb24 -f rawvideo');
    const height = width / 2;
    expect([name, pixels.length]).toEqual([name, (frames ?? 0) * width * height * 3]);
    // Edges of the mark as parts of the width: from 0.75 - 1/18 to 1 - 1/18, and below 1/18.
    const [left, right, top, bottom] = [25 / 36, 34 / 36, 2 / 36, 6.5 / 36].map((part) => Math.round(part * width));
    const inside = [left! + 4, right! - 4].flatMap((x) => [top! + 4, bottom! - 4].map((y) => [x, y] as const));
    const outside = [
      ...[left! - 8, right! + 7].map((x) => [x, top! + 4] as const),
      ...[top! - 7, bottom! + 8].map((y) => [left! + 4, y] as const),
    ];
    const differing = (places: (readonly [number, number])[], wanted: number[]): string[] =>
      Array.from({ length: frames ?? 0 }, (_, frame) =>
        places.flatMap(([x, y]) => {
          const at = ((frame * height + y) * width + x) * 3;
          const found = [...pixels.subarray(at, at + 3)];
          return found.some((value, band) => Math.abs(value - wanted[band]!) > 14)
            ? [`${name} ${frame}: ${x},${y} is ${found.join()}`]
            : [];
        }),
      ).flat();
    expect(differing(inside, [230, 26, 26])).toEqual([]);
    expect(differing(outside, [128, 128, 128])).toEqual([]);
  }
  const poster = manifest.renditions.find(({ role }) => role === 'poster')?.path ?? '';
  const red = [...decoded(path.join(folder, poster), '-pix_fmt rgb24 -f rawvideo')].filter((_, at) => at % 3 === 0);
  expect(Math.max(...red)).toBeLessThan(140);
});

test('a watermark that is replaced between the plan and a chunk is noticed by the chunk, in one sentence', async () => {
  const logo = path.join(lab.root, 'other-logo.png');
  const it = await markedFilm(logo);
  const planned = await planOf(it);
  ffmpeg('-f lavfi -i color=blue:s=60x30 -frames:v 1', logo);
  await expect(run(lab.deps, it, planned)).rejects.toMatchObject({
    type: 'SourceReplaced',
    message: expect.stringMatching(/^The watermark [^.]+\.$/) as string,
  });
});

/** 15 s: a flash and a beep every third second, in 5.1 for English and in stereo, at another level, for German; and words. */
function manyTongues(): string {
  const beep = (hertz: number, level: number) => `(0.001+${level}*lt(mod(t\\,3)\\,0.25))*sin(${hertz}*2*PI*t)`;
  const front = Array.from({ length: 6 }, () => beep(900, 0.2)).join('|');
  const words = path.join(lab.root, 'words.srt');
  writeFileSync(words, '1\n00:00:04,500 --> 00:00:06,000\nThe second flash.\n');
  const flash = '-vf geq=lum=if(lt(mod(T\\,3)\\,0.25)\\,235\\,16):cb=128:cr=128';
  const inputs = [
    `-f lavfi -i color=black:s=160x90:r=25:d=15`,
    `-f lavfi -i aevalsrc=${front}:c=5.1:s=48000:d=15`,
    `-f lavfi -i aevalsrc=${beep(600, 0.6)}|${beep(600, 0.6)}:c=stereo:s=48000:d=15`,
    `-i ${words}`,
  ].join(' ');
  const tags = '-metadata:s:a:0 language=eng -metadata:s:a:1 language=ger -metadata:s:s:0 language=eng';
  return ffmpeg(
    `${inputs} -map 0 -map 1 -map 2 -map 3 ${flash} ${X264} -g 250 -c:a flac -c:s srt ${tags}`,
    path.join(lab.root, 'tongues.mkv'),
  );
}

/** Runs ffmpeg to its standard output. */
const decoded = (file: string, words: string): Buffer =>
  execFileSync(
    settings.ffmpegPath,
    [
      '-v',
      'error',
      ...(file.endsWith('.m3u8') ? ['-allowed_extensions', 'ALL'] : []),
      '-i',
      file,
      ...words.split(' '),
      '-',
    ],
    { maxBuffer: 2 ** 28 },
  );

test('trimmed, in chunks, with each language, 5.1, a downmix, captions and one level: all of it in sync within 20 ms', async () => {
  const sounds = 'languages: all, surround: 320, loudness: -18, captions: true, start: 2, end: 14';
  const preset = parsePreset('tongues', `video: { hls: true, dash: true, ${sounds}, rungs: [${rung('low', 90)}] }`);
  const folder = await mkdtemp(path.join(lab.root, 'tongues-'));
  const it = labItem(path.join(folder, 'x'), { kind: 'video', source: fileUri(manyTongues()), preset });
  // So little is encoded that a chunk has to be smaller still.
  const planned = await planOf(it, { ...lab.deps, config: { ...lab.deps.config, chunkCpu: 1 } });
  expect(planned.tasks.find(({ id }) => id === 'sound')?.outputs).toEqual([
    ...['sound:64', 'track:audio-en-surround', 'track:audio-de'],
  ]);
  await run(lab.deps, it, planned);
  const out = new URL(it.output).pathname;
  const manifest = await checkedManifest(out);
  expect(manifest.chunks).toBe(2);
  const fileOf = (role: string) => path.join(out, manifest.renditions.find((each) => each.role === role)?.path ?? '');
  const master = fileOf('stream');
  const language = [...readFileSync(master, 'utf8').matchAll(/LANGUAGE="(\w+)",.*CHANNELS="(\d)",URI="([^"]+)"/g)];
  expect(new Set(language.map(([, tag, channels]) => `${tag} ${channels}`))).toEqual(new Set(['en 2', 'en 6', 'de 2']));
  expect(readFileSync(fileOf('captions'), 'utf8')).toContain('00:00:02.500 --> 00:00:04.000');

  // 12 s at 25 pictures a second; flashes at 1, 4, 7 and 10 s.
  const grey = decoded(fileOf('video'), '-map 0:v -vf scale=1:1 -pix_fmt gray -f rawvideo');
  const flashes = [...grey].flatMap((level, at) =>
    level > 120 && (grey[at - 1] ?? 0) < 120 && at > 0 ? [at / 25] : [],
  );
  expect(grey).toHaveLength(300);
  expect(flashes).toEqual([1, 4, 7, 10].map((time) => expect.closeTo(time, 5) as number));
  const heard = new Map([
    ['film', fileOf('video')],
    ...language.map(
      ([, tag, channels, name]) => [`${tag} ${channels}`, path.join(path.dirname(master), name ?? '')] as const,
    ),
  ]);
  for (const [name, file] of heard) {
    const samples = decoded(file, '-map 0:a -ac 1 -ar 48000 -f s16le');
    const level = (at: number) => Math.abs(samples.readInt16LE(2 * at));
    const seconds = samples.length / 2 / 48_000;
    const beeps: number[] = [];
    for (let at = 0, quiet = 0; at < samples.length / 2; at++) {
      if (level(at) < 600) quiet++;
      else {
        if (quiet > 24_000) beeps.push(at / 48_000);
        quiet = 0;
      }
    }
    expect([name, beeps]).toEqual([name, flashes.map((flash) => expect.closeTo(flash, 1.7) as number)]);
    beeps.forEach((beep, at) => expect(Math.abs(beep - (flashes[at] ?? 0))).toBeLessThanOrEqual(0.02));
    expect([name, Math.abs(seconds - 12) <= 0.02 + 1024 / 48_000]).toEqual([name, true]);
    const { stderr } = spawnSync(settings.ffmpegPath, [
      ...'-hide_banner -nostats -i'.split(' '),
      file,
      ...'-map 0:a -af ebur128 -f null -'.split(' '),
    ]);
    const loudness = Number(/I:\s+(\S+) LUFS/.exec(String(stderr).split('Summary:').at(-1) ?? '')?.[1]);
    expect([name, Math.abs(loudness + 18) < 0.6 || loudness]).toEqual([name, true]);
  }
});
