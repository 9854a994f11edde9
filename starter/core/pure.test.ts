import type { Manifest } from '../../common/contracts';
import { createStorage, type Storage } from '../../storage';
import { loadConfig } from '../../common/config';
import { parsePreset, recipeHash } from '../../media/presets';
import { describeFailure } from './failure';
import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure, RetryState } from '@temporalio/common';
import { parseJob, resolveJob } from './job';
import { defaultBatchId, itemKey, named, slug, wishKey } from './keys';
import { Histogram } from './lib/histogram';
import { forEachBounded } from '../../common/for-each-bounded';
import { isPublished } from './published';
import { isTransient, retrying } from '../../temporal/grpc';
import { sampleManifest } from '../../test/support/manifest';
import { batchQuery, checkBatchId, quoted } from '../../temporal/batches/query';

const config = loadConfig({});
const web = parsePreset('web', 'image: { renditions: [{ name: a, format: webp, width: 640 }] }');
const context = { storage: createStorage(config), presets: async () => web };
const WHOLE = parsePreset(
  'whole',
  `
image: { renditions: [{ name: a, format: webp, width: 640 }] }
video: { rungs: [{ name: a, height: 90, crf: 30, maxrate: 200, speed: fast, audioBitrate: 64 }] }
audio: { renditions: [{ name: a, codec: aac, bitrate: 64 }] }
`,
);
const defaults = { batchId: 'b', output: 'file:///out', preset: 'web' };

describe('a job', () => {
  test.each([
    [{ source: 's3://b/k' }, undefined],
    [{ source: 's3://b/k', priority: 1, metadata: { a: 'b' }, kind: 'video', id: 'x' }, undefined],
    [{}, /source: /],
    [{ source: '/etc/passwd' }, /source: expected a URI/],
    [{ source: 's3://b/k', sauce: 1 }, /sauce/],
    [{ source: 's3://b/k', priority: 6 }, /priority: /],
    [{ source: 's3://b/k', metadata: { a: 1 } }, /metadata\.a: /],
    [{ source: 's3://b/k', callbackUrl: 'javascript:x' }, /callbackUrl: /],
    [{ source: 's3://b/k', tenant: 'a" OR 1=1' }, /tenant: /],
    ['text', /object/],
    [null, /object/],
  ])('%j', (value, problem) => {
    if (problem === undefined) expect(parseJob(value)).toEqual(value);
    else expect(() => parseJob(value)).toThrow(problem);
  });

  test('is filled in from the defaults, with only its own half of the preset', async () => {
    const item = await resolveJob({ source: 's3://b/My Cat.jpg' }, defaults, context);
    expect(item).toMatchObject({
      kind: 'image',
      priority: 3,
      tenant: 'default',
      preset: { name: 'web', image: web.image },
    });
    expect(item.output).toBe(`file:///out/${item.itemKey}`);
    expect(item.itemKey).toMatch(/^my-cat-[0-9a-f]{12}$/);
  });

  test.each([
    ['s3://b/song.MP3', 'audio'],
    ['s3://b/song.opus?v=1', 'audio'],
    ['s3://b/talk.mp4', 'video'],
    ['s3://b/cat', 'image'],
  ])('%s is taken for %s by its name', async (source, kind) => {
    const item = await resolveJob({ source }, defaults, { ...context, presets: async () => WHOLE });
    expect(item.kind).toBe(kind);
  });

  test('of a video has what its preset says of audio, too: it may turn out to have no pictures', async () => {
    const item = await resolveJob({ source: 's3://b/a.mp4' }, defaults, { ...context, presets: async () => WHOLE });
    expect(item.preset).toEqual({ name: 'whole', video: WHOLE.video, audio: WHOLE.audio });
    expect(item.recipe).toBe(recipeHash(WHOLE, 'video'));
  });

  test.each([
    ['made from it as a video', 'video', 'video', true],
    ['made from it as audio, which it turned out to be', 'audio', 'audio', true],
    ['by another recipe for audio', 'audio', 'video', false],
    ['of another kind', 'image', 'video', false],
  ] as const)('of a video is done where there is a manifest %s', async (_, kind, recipe, expected) => {
    const item = await resolveJob({ source: 's3://b/a.mp4' }, defaults, { ...context, presets: async () => WHOLE });
    const found = {
      ...sampleManifest('run'),
      kind,
      source: { uri: item.source, fingerprint: 'f' } as Manifest['source'],
      preset: { name: 'whole', recipe: recipeHash(WHOLE, recipe) },
    };
    const storage = {
      readManifest: () => Promise.resolve({ manifest: found, version: '1' }),
      stat: () => Promise.resolve({ fingerprint: 'f' }),
    } as unknown as Storage;
    expect(await isPublished(storage, item)).toBe(expected);
  });

  describe('with wishes of its own', () => {
    const source = 's3://b/a.jpg';
    const resolve = (job: object) => resolveJob({ source, ...job }, defaults, context);
    const mine = { image: { renditions: [{ name: 'mine', format: 'avif', width: 320, maxBytes: '20 kB' }] } };

    test('brings a preset along, checked and filled in like a file', async () => {
      const { preset, recipe } = await resolve({ preset: mine });
      expect(preset).toMatchObject({
        name: 'inline',
        image: { animation: 'first', renditions: [{ maxBytes: 20_000 }] },
      });
      expect(recipe).toBe(recipeHash(preset, 'image'));
    });

    test('replaces fields in every rendition, and says where the focus is', async () => {
      const { preset, recipe } = await resolve({ options: { quality: 70, colour: 'keep' }, focus: { x: 0.7, y: 0.4 } });
      expect(preset).toMatchObject({
        name: 'web',
        image: { colour: 'keep', focus: { x: 0.7, y: 0.4 }, renditions: [{ name: 'a', quality: 70, width: 640 }] },
      });
      expect(recipe).not.toBe((await resolve({})).recipe);
    });

    test.each<[object, string]>([
      [
        { preset: { image: { renditions: [{ name: 'a', format: 'webp', width: -1 }] } } },
        'preset.image.renditions[0].width',
      ],
      [{ preset: { imgae: {} } }, 'imgae'],
      [{ options: { quality: 700 } }, 'options.quality: Too big'],
      [{ options: { qualty: 70 } }, 'options.qualty: there is no such option; there are format, width'],
      [{ options: { name: 'b' } }, 'options.name: there is no such option'],
      [
        { options: { fit: 'cover' } },
        'options.fit: cover, contain and outside need width and height (image.renditions[0]',
      ],
      [{ options: { width: 16_384, height: 16_384, dpr: 2 } }, 'million px in all'],
    ])('%j is refused: %s', async (job, sentence) => {
      await expect(resolve(job)).rejects.toMatchObject({
        type: 'InvalidJob',
        message: expect.stringContaining(sentence) as string,
      });
    });

    test('is another job than without them', () => {
      const keys = [{}, { preset: mine }, { preset: 'web' }, { preset: 'web', options: { quality: 70 } }];
      expect(new Set(keys.map((wish) => wishKey({ source, ...wish }))).size).toBe(4);
    });
  });

  test('for a kind that its preset does not know is refused', async () => {
    await expect(resolveJob({ source: 's3://b/a.MP4?x=.jpg' }, defaults, context)).rejects.toThrow(
      'The preset "web" is for images only; choose one for videos.',
    );
  });
});

describe('keys', () => {
  test.each([
    ['s3://b/a/My Cat.JPG', undefined, /^my-cat-[0-9a-f]{12}$/],
    ['file:///x/%D0%BA%D0%BE%D1%82.jpg', undefined, /^[0-9a-f]{12}$/],
    ['file:///x/Caf%C3%A9.jpg', undefined, /^cafe-[0-9a-f]{12}$/],
    ['file:///x/%zz.jpg', undefined, /^zz-[0-9a-f]{12}$/],
    [`s3://b/${'x'.repeat(255)}.jpg`, undefined, /^x{60}-[0-9a-f]{12}$/],
    ['s3://b/..', undefined, /^[0-9a-f]{12}$/],
    ['https://me:password@h?sig=1', undefined, /^[0-9a-f]{12}$/],
    ['https://h/p/a.png?sig=1', undefined, /^a-[0-9a-f]{12}$/],
    ['s3://b/a', 'order-17', /^order-17$/],
    ['s3://b/a', '../x', /^x-[0-9a-f]{12}$/],
    ['s3://b/a', 'Order 17', /^order-17-[0-9a-f]{12}$/],
  ])('%s (id %s)', (source, id, expected) => {
    expect(itemKey(source, id)).toMatch(expected);
    expect(itemKey(source, id).length).toBeLessThanOrEqual(100);
  });

  test('two folders with the same file name get two keys; the same source always the same', () => {
    expect(itemKey('s3://b/1/a.jpg')).not.toBe(itemKey('s3://b/2/a.jpg'));
    expect(itemKey('s3://b/1/a.jpg')).toBe(itemKey('s3://b/1/a.jpg'));
  });

  test.each([
    ['https://b.s3.example/a.jpg', 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=1&X-Amz-Expires=60&X-Amz-Signature=%'],
    ['https://storage.example/b/a.jpg', 'GoogleAccessId=me&Expires=%&Signature=%'],
    ['https://cdn.example/a.jpg', 'Expires=%&Signature=%&Key-Pair-Id=K'],
    ['https://x.blob.example/c/a.jpg', 'sv=2024-01-01&se=%&sr=b&sp=r&sig=%'],
  ])('a URL of %s that is signed anew is the same source', (bare, signature) => {
    const [first, second] = ['1', '2'].map((mark) => `${bare}?${signature.replaceAll('%', mark)}`);
    expect(itemKey(first ?? '')).toBe(itemKey(second ?? ''));
    expect(itemKey(`${first}&version=7`)).toBe(itemKey(`${bare}?version=7`));
    expect(itemKey(`${first}&version=7`)).not.toBe(itemKey(`${second}&version=8`));
  });

  test.each(['?expires=1', '?sig=1', '?se=1&v=2', '?id=1'])('%s alone is no signature', (query) => {
    expect(itemKey(`https://h/a.jpg${query}`)).not.toBe(itemKey('https://h/a.jpg'));
  });

  test('hashed names tell nothing of the file, and ids of the caller are kept', () => {
    const source = 's3://b/patients/Doe, Jane.jpg';
    const hidden = named({ source }, 'hashed');
    expect(itemKey(source, hidden.id)).toMatch(/^[0-9a-f]{24}$/);
    expect(named({ source }, 'hashed')).toEqual(hidden);
    expect(named({ source: 's3://b/other.jpg' }, 'hashed').id).not.toBe(hidden.id);
    expect(named({ source, id: 'case-7' }, 'hashed').id).toBe('case-7');
    expect(named({ source })).toEqual({ source });
    const wishes = [{ source }, { source, preset: 'avif' }].map((wish) => wishKey(wish, 'hashed'));
    expect(new Set([...wishes, hidden.id]).size).toBe(3);
    for (const key of wishes) expect(key).toMatch(/^[0-9a-f]{24}$/);
  });

  test('a batch is named by input, preset and output', () => {
    const id = defaultBatchId('file:///home/me/Summer%20Photos', 'web', undefined);
    expect(id).toMatch(/^summer-photos-web-[0-9a-f]{8}$/);
    const others = [defaultBatchId('file:///x', 'web', undefined), defaultBatchId('2000', 'avif', undefined)];
    expect(new Set([id, ...others, defaultBatchId('2000', 'avif', 's3://o')]).size).toBe(4);
    expect(checkBatchId(id)).toBe(id);
  });

  test('a slug is safe whatever comes in', () => {
    for (const name of ['', '---', 'a/../b', '%d"\'`$(x)', '-rf', '\0', '🐈'.repeat(300)]) {
      expect(slug(name)).toMatch(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$/);
    }
  });
});

describe('queries', () => {
  test('nothing but the id of a batch gets in', () => {
    for (const id of ['', 'a"', 'a b', "a' OR 1=1", '../x', 'x'.repeat(101), 'a\n']) {
      expect(() => batchQuery(id)).toThrow('cannot be the id of a batch');
    }
    expect(quoted('a"\\')).toBe('"a\\"\\\\"');
  });
  test('ask about one submission', () => {
    expect(batchQuery('b', new Date(0))).toBe(
      'MediaBatchId = "b" AND (CloseTime >= "1970-01-01T00:00:00.000Z" OR ExecutionStatus = "Running")',
    );
  });
});

describe('the histogram', () => {
  test('is within 1 % of the true percentile', () => {
    const histogram = new Histogram();
    for (let i = 1; i <= 10_000; i++) histogram.add(i * 7);
    for (const share of [0.5, 0.95, 0.99, 1]) {
      expect(Math.abs(histogram.percentile(share)! / (share * 70_000) - 1)).toBeLessThan(0.0101);
    }
  });
  test('knows when it is empty, and takes zero', () => {
    const histogram = new Histogram();
    expect(histogram.percentile(0.5)).toBeUndefined();
    histogram.add(0);
    expect(histogram.percentile(0.99)).toBeCloseTo(1, 1);
  });
});

describe('bounded work', () => {
  test('takes a value only when there is room', async () => {
    let taken = 0;
    let done = 0;
    let most = 0;
    const values = function* () {
      for (; taken < 50; taken++) yield taken;
    };
    await forEachBounded(values(), 4, async () => {
      most = Math.max(most, taken - done);
      await new Promise(setImmediate);
      done++;
    });
    expect(done).toBe(50);
    expect(most).toBeLessThanOrEqual(4);
  });
  test('after a failure takes no more, lets the others end, and throws', async () => {
    const seen: number[] = [];
    const work = async (value: number) => {
      if (value === 2) throw new Error('two');
      await new Promise(setImmediate);
      seen.push(value);
    };
    await expect(forEachBounded([1, 2, 3, 4, 5, 6, 7], 2, work)).rejects.toThrow('two');
    expect(seen.length).toBeLessThan(6);
    expect(seen).toContain(1);
  });
});

describe('a server that is away', () => {
  const away = (code: number) => Object.assign(new Error('away'), { code });
  test.each([
    [14, true],
    [8, true],
    [4, true],
    [3, false],
    [7, false],
  ])('code %i: tried again %s', async (code, again) => {
    expect(isTransient(new Error('wrapped', { cause: away(code) }))).toBe(again);
    let calls = 0;
    const call = async () => {
      if (++calls === 1) throw away(code);
      return calls;
    };
    if (again) expect(await retrying(call)).toBe(2);
    else await expect(retrying(call)).rejects.toThrow('away');
  });
});

describe('a failure in words', () => {
  const activity = (cause: Error) =>
    new ActivityFailure('Activity task failed', 'makeImage', '1', RetryState.NON_RETRYABLE_FAILURE, 'x', cause);
  test.each([
    [ApplicationFailure.nonRetryable('It is empty.', 'CorruptMedia'), 'CorruptMedia', 'It is empty.'],
    [activity(ApplicationFailure.nonRetryable('It is empty.', 'CorruptMedia')), 'CorruptMedia', 'It is empty.'],
    [new CancelledFailure('cancelled'), 'Cancelled', 'Somebody cancelled it.'],
    [activity(new CancelledFailure('cancelled')), 'Cancelled', 'Somebody cancelled it.'],
    [new TimeoutFailure('t', undefined, 'START_TO_CLOSE'), 'TimedOut', 'It took longer than it may.'],
    [new Error('what'), 'InternalError', 'what'],
  ])('%s', (cause, type, message) => {
    expect(describeFailure(cause)).toEqual({ type, message });
  });
});
