/** The parts of the page, and of what serves it, that need no browser. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../common/paths';
import type { Manifest } from '../../common/contracts';
import { withBacklog } from '../../starter/core/view/throughput';
import { stepsFrom } from '../../starter/core/view/steps';
import { bytes, clock, duration, fileName, saving } from '../../starter/web/src/lib/format';
import { growingFilm, isHls, playables } from '../../starter/web/src/lib/pictures';
import { gridWindow } from '../../starter/web/src/lib/grid-window';
import { parseFieldRows, valueText } from '../../starter/web/src/lib/preset-fields';
import { piecesOf, wordsOf } from '../../starter/web/src/lib/strip';
import { playerHtml } from '../../starter/web/src/lib/snippets';
import { cueAt, parseStoryboard } from '../../starter/web/src/lib/vtt';

test.each([
  [bytes(0), '0 B'],
  [bytes(1540), '1.5 kB'],
  [bytes(999_600), '1.0 MB'],
  [bytes(23_400_000), '23 MB'],
  [duration(0.44), '0.4 s'],
  [duration(59.6), '1 min'],
  [duration(200), '3 min 20 s'],
  [duration(7500), '2 h 5 min'],
  [clock(65), '1:05'],
  [clock(3725), '1:02:05'],
  [clock(NaN), '0:00'],
  [saving(1000, 380), '−62 %'],
  [saving(1000, 1050), '+5 %'],
  [fileName('s3://bucket/a/b%20c.jpg'), 'b c.jpg'],
  [fileName('https://x.example/a.jpg?token=1'), 'a.jpg'],
  [fileName('file:///%E0%A4%A.jpg'), '%E0%A4%A.jpg'],
])('%s', (said, expected) => expect(said).toBe(expected));

test('a film that is still made is played by its stream alone', () => {
  const film = growingFilm({ path: 'hls-1/master.m3u8', seconds: 18 });
  expect(film.source.durationSeconds).toBe(18);
  expect(playables(film).map((choice) => [choice.path, isHls(choice)])).toEqual([['hls-1/master.m3u8', true]]);
});

test('a player begins with the tallest file that the browser decodes', () => {
  const rung = (name: string, height: number, codecs?: string) => ({
    name,
    height,
    codecs,
    role: 'video',
    mime: 'video/mp4',
  });
  const renditions = [
    rung('360p', 360),
    rung('hevc', 1080, 'hvc1.1.6.L93.90, mp4a.40.2'),
    rung('720p', 720, 'avc1.64001f'),
  ];
  const manifest = { renditions } as unknown as Manifest;
  const names = (decodes?: (type: string) => boolean) => playables(manifest, decodes).map(({ name }) => name);
  expect(names()).toEqual(['hevc', '720p', '360p']);
  expect(names((type) => !type.includes('codecs="hvc1'))).toEqual(['720p', '360p', 'hevc']);
});

describe('the wall', () => {
  const size = { minColumn: 190, gap: 10, rowHeight: () => 190 };

  test('draws the rows in view and two more on each side', () => {
    const window = gridWindow(10_000, 1000, -20_000, 800, size);
    expect(window).toEqual({ columns: 5, rowHeight: 200, first: 98, last: 106, height: 400_000 });
  });

  test('has at least one column, and never draws beyond its ends', () => {
    expect(gridWindow(3, 100, 50, 800, size)).toMatchObject({ columns: 1, first: 0, last: 3 });
    expect(gridWindow(0, 1000, 0, 800, size)).toMatchObject({ first: 0, last: 0, height: 0 });
    expect(gridWindow(10, 1000, -90_000, 800, size)).toMatchObject({ first: 2, last: 2 });
  });
});

test('a storyboard names the tile of each time', () => {
  const cues = parseStoryboard(
    'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\ns.jpg#xywh=0,0,160,90\n\n00:00:01.000 --> 00:01:02.500\ns.jpg#xywh=160,0,160,90\n',
  );
  expect(cues).toHaveLength(2);
  expect(cueAt(cues, 0.5)).toMatchObject({ sheet: 's.jpg', x: 0 });
  expect(cueAt(cues, 1)).toMatchObject({ x: 160, end: 62.5, width: 160, height: 90 });
  expect(cueAt(cues, 99)).toMatchObject({ x: 160 });
  expect(cueAt([], 0)).toBeUndefined();
});

test('the backlog of the past follows from what started and ended since', () => {
  const minute = (begin: number, started: number, succeeded: number, failed = 0) => ({
    ...{ begin, started, succeeded, failed, cancelled: 0 },
  });
  const views = withBacklog([minute(0, 10, 2), minute(60_000, 0, 4, 1), minute(120_000, 5, 1)], 7);
  expect(views.map(({ backlog }) => backlog)).toEqual([8, 3, 7]);
});

describe('steps from a history', () => {
  const at = (seconds: number) => ({ seconds, nanos: 0 }) as never;
  const scheduled = (eventId: number, name: string, activityId: string) =>
    ({
      ...{ eventId, eventTime: at(eventId) },
      activityTaskScheduledEventAttributes: { activityType: { name }, activityId, input: { payloads: [{}, {}, {}] } },
    }) as never;
  const started = (seconds: number, scheduledEventId: number, attempt: number) =>
    ({ eventTime: at(seconds), activityTaskStartedEventAttributes: { scheduledEventId, attempt } }) as never;
  const completed = (seconds: number, scheduledEventId: number) =>
    ({ eventTime: at(seconds), activityTaskCompletedEventAttributes: { scheduledEventId } }) as never;
  const failed = (seconds: number, scheduledEventId: number) =>
    ({ eventTime: at(seconds), activityTaskFailedEventAttributes: { scheduledEventId } }) as never;

  test('have their attempts, of the server and of the workflow together', () => {
    const events = [scheduled(5, 'encodeRung', '1'), started(6, 5, 2), failed(7, 5)];
    events.push(scheduled(9, 'encodeRung', '2'), started(10, 9, 1), completed(12, 9));
    const [step, ...others] = stepsFrom(events, [], () => '720p');
    expect(others).toEqual([]);
    expect(step).toMatchObject({ name: 'encode 720p', state: 'done', attempts: 3 });
    expect(step).toMatchObject({ scheduledAt: '1970-01-01T00:00:05.000Z', endedAt: '1970-01-01T00:00:12.000Z' });
  });

  test('the chunks of a video are one step, done when the last of them is, with the most attempts of any', () => {
    const done = (seconds: number, scheduledEventId: number) =>
      ({ eventTime: at(seconds), activityTaskCompletedEventAttributes: { scheduledEventId } }) as never;
    const first = [scheduled(5, 'makeChunk', '1'), scheduled(6, 'makeChunk', '2'), started(7, 5, 2), done(8, 5)];
    const pending = [{ activityId: '2', state: 2, attempt: 1, lastStartedTime: at(7) }];
    const step = { name: 'encode in chunks', attempts: 2, scheduledAt: '1970-01-01T00:00:05.000Z' };
    const [running, ...others] = stepsFrom(first, pending, () => undefined);
    expect(others).toEqual([]);
    expect(running).toMatchObject({ ...step, state: 'running' });
    expect(running?.endedAt).toBeUndefined();
    const rest = [...first, started(9, 6, 1), scheduled(10, 'makeChunk', '3'), done(11, 6), started(12, 10, 1)];
    expect(stepsFrom(rest, [], () => undefined)[0]).toMatchObject({ ...step, state: 'running' });
    const all = stepsFrom([...rest, done(13, 10)], [], () => undefined);
    expect(all).toMatchObject([{ ...step, state: 'done', endedAt: '1970-01-01T00:00:13.000Z' }]);
  });

  test('that are under way come from what is pending', () => {
    const pending = [{ activityId: '1', state: 2, attempt: 4, lastStartedTime: at(8) }];
    const steps = stepsFrom([scheduled(5, 'makeImage', '1'), scheduled(6, 'other', '2')], pending, () => undefined);
    expect(steps).toMatchObject([
      { name: 'image', state: 'running', attempts: 4, startedAt: '1970-01-01T00:00:08.000Z' },
      { name: 'other', state: 'waiting', attempts: 1 },
    ]);
  });

  test('end with their run: what it cut short is cancelled, and what never began has no start', () => {
    const cancelled = (seconds: number, scheduledEventId: number) =>
      ({ eventTime: at(seconds), activityTaskCanceledEventAttributes: { scheduledEventId } }) as never;
    const events = [scheduled(5, 'makePoster', '1'), scheduled(6, 'makeSprite', '2'), scheduled(7, 'probeVideo', '3')];
    events.push(started(8, 5, 1), started(8, 7, 1), cancelled(9, 7));
    const steps = stepsFrom(events, [], () => undefined, new Date(20_000));
    const seconds = (iso: string | undefined) => iso && Date.parse(iso) / 1000;
    expect(
      steps.map(({ name, state, startedAt, endedAt }) => [name, state, seconds(startedAt), seconds(endedAt)]),
    ).toEqual([
      ['poster', 'cancelled', 8, 20],
      ['sprite', 'cancelled', undefined, 20],
      ['probe', 'cancelled', 8, 9],
    ]);
  });
});

test('the page knows what every field of a preset does, from the tables that are compared with the schema', () => {
  const text = readFileSync(path.join(projectRoot(), 'docs/presets.md'), 'utf8');
  const rows = parseFieldRows(text);
  const written = text.split('\n').filter((line) => /^\| `\w+` .*\|.*\|.*\|.*\|.*\|/.test(line));
  const parsed = [...rows.values()].reduce((sum, section) => sum + section.size, 0);
  expect(parsed).toBe(written.length);
  expect(rows.get('image.renditions[]')?.get('width')).toMatchObject({
    unit: 'px',
    meaning: expect.stringMatching(/\w+/),
  });
  expect(rows.get('')?.get('image')).toEqual({ meaning: 'what to make of an image' });
  expect(rows.get('image')?.get('analyse')?.meaning).not.toContain('](');
});

test('values of a preset are written as in its file', () => {
  expect(valueText({ ssim: 0.95, of: ['a', 'b'], on: true })).toBe('{ ssim: 0.95, of: a, b, on: true }');
});

describe('the strip of chunks', () => {
  test('chunks that are alike are one piece; shares add up', () => {
    expect(piecesOf('ddDRrw')).toEqual([
      { state: 'done', share: expect.closeTo(0.5) as number },
      ...(['again', 'running', 'waiting'] as const).map((state) => ({ state, share: expect.closeTo(1 / 6) as number })),
    ]);
    expect(wordsOf('ddDRrw')).toBe('3 of 6 chunks done, 1 running, 2 tried again, 1 waiting');
  });

  test('of ten thousand chunks there are few pieces, and the one that failed is seen', () => {
    const states = `${'dw'.repeat(4000)}f${'d'.repeat(1999)}`;
    const pieces = piecesOf(states);
    expect(pieces.length).toBeLessThanOrEqual(180);
    expect(pieces.filter(({ state }) => state === 'failed')).toHaveLength(1);
    expect(pieces.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(wordsOf(states)).toBe('5999 of 10000 chunks done, 4000 waiting, 1 failed');
  });
});

test('a player has the stream first, then files with their codecs, captions and the poster; names are escaped', () => {
  const rendition = (name: string, role: string, mime: string, more: object = {}) => ({
    name,
    role,
    path: name,
    mime,
    ...more,
  });
  const manifest = {
    kind: 'video',
    renditions: [
      rendition('360p.mp4', 'video', 'video/mp4', { width: 640, height: 360, codecs: 'avc1.64001e, mp4a.40.2' }),
      rendition('720p.mp4', 'video', 'video/mp4', { width: 1280, height: 720 }),
      rendition('hls/master.m3u8', 'stream', 'application/vnd.apple.mpegurl', { codecs: 'avc1' }),
      rendition('poster.webp', 'poster', 'image/webp', { width: 1280 }),
      rendition('de.vtt', 'captions', 'text/vtt', { track: { language: 'de', label: '"Deutsch" & <b>' } }),
    ],
  } as unknown as Manifest;
  expect(playerHtml(manifest, ({ path }) => `https://cdn.example/${path}`)).toBe(
    [
      '<video controls playsinline preload="metadata" poster="https://cdn.example/poster.webp" width="1280" height="720">',
      '  <source src="https://cdn.example/hls/master.m3u8" type="application/vnd.apple.mpegurl">',
      '  <source src="https://cdn.example/720p.mp4" type="video/mp4">',
      '  <source src="https://cdn.example/360p.mp4" type="video/mp4; codecs=&quot;avc1.64001e, mp4a.40.2&quot;">',
      '  <track kind="subtitles" src="https://cdn.example/de.vtt" srclang="de" label="&quot;Deutsch&quot; &amp; &lt;b&gt;">',
      '</video>',
    ].join('\n'),
  );
  expect(playerHtml({ ...manifest, kind: 'image' }, () => '')).toBeUndefined();
  const sound = { kind: 'audio', renditions: [rendition('a.m4a', 'audio', 'audio/mp4')] } as unknown as Manifest;
  expect(playerHtml(sound, ({ path }) => path)).toBe(
    '<audio controls preload="metadata">\n  <source src="a.m4a" type="audio/mp4">\n</audio>',
  );
});
