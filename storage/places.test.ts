import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../common/config';
import { fileUri, Places } from '.';

let home: string;
beforeAll(async () => {
  home = await fs.realpath(await fs.mkdtemp(path.join(tmpdir(), 'darkroom-places-')));
});
afterAll(() => fs.rm(home, { recursive: true }));

const FOREIGN = { type: 'SourceForbidden' };
const onS3 = (env: Record<string, string> = {}): Places =>
  new Places(loadConfig({ DARKROOM_HOME: home, DARKROOM_OUTPUT: 's3://media/a/outputs', ...env }));

/** The same numbers in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Another way to write the path: more slashes, another case, another composition, characters that do not show. */
function respelled(text: string, next: (below: number) => number): string {
  return [...text.normalize(next(2) ? 'NFC' : 'NFD')]
    .map((letter) => {
      if (letter === '/') return '/'.repeat(1 + next(3));
      const shown = next(3) === 0 ? letter.toUpperCase() : letter;
      return next(10) === 0 ? `${shown}\u200b` : shown;
    })
    .join('');
}

test('an S3 key belongs to its tenant however it is written', async () => {
  const next = numbers(1);
  for (const base of ['a/outputs', 'a/outputs/_uploads', 'é/ausgänge', 'é/ausgänge/_uploads']) {
    const places = onS3({ DARKROOM_OUTPUT: `s3://media/${base.replace('/_uploads', '')}` });
    for (let n = 0; n < 500; n++) {
      const theirs = `s3://media/${'/'.repeat(next(3))}${respelled(`${base}/globex/trip/x.webp`, next)}`;
      await expect(places.checkSource('acme', theirs)).rejects.toMatchObject(FOREIGN);
      await expect(places.checkOutput('acme', theirs)).rejects.toMatchObject({ type: 'OutputForbidden' });
      const mine = `s3://media/${'/'.repeat(next(3))}${respelled(`${base}/acme/trip/x.webp`, next)}`;
      await expect(places.checkSource('acme', mine)).resolves.toBeUndefined();
    }
  }
});

test('what lies beside is nobody’s: other buckets, keys that only begin alike, other tenants with a longer name', async () => {
  const places = onS3();
  for (const key of ['a/in/x.jpg', 'a/outputs2/globex/x', 'a/output/globex/x', 'outputs/globex/x', 'a']) {
    await expect(places.checkSource('acme', `s3://media/${key}`)).resolves.toBeUndefined();
  }
  await expect(places.checkSource('acme', 's3://other/a/outputs/globex/x')).resolves.toBeUndefined();
  await expect(places.checkSource('acme', 'https://media.example/a/outputs/globex/x')).resolves.toBeUndefined();
  for (const key of ['acme2/x', 'acm/x', '_uploads/acme2/x', '_uploads', '']) {
    await expect(places.checkSource('acme', `s3://media/a/outputs/${key}`)).rejects.toMatchObject(FOREIGN);
  }
});

test('without tenants everything is everybody’s, but outputs among uploads', async () => {
  const places = onS3();
  await expect(places.checkSource(undefined, 's3://media/a/outputs/globex/x')).resolves.toBeUndefined();
  await expect(places.checkOutput(undefined, 's3://media/a/outputs/globex/x')).resolves.toBeUndefined();
  for (const tenant of [undefined, 'acme']) {
    for (const key of ['a/outputs/_uploads/acme/x', 'a//outputs/_UPLOADS/acme', 'a/outputs/_uploads']) {
      const refused = places.checkOutput(tenant, `s3://media/${key}`);
      await expect(refused).rejects.toMatchObject({
        type: 'OutputForbidden',
        message: 'Outputs cannot lie among uploads.',
      });
    }
  }
});

describe('files', () => {
  /** `link` leads to the folder of the outputs, from elsewhere. */
  async function linked(): Promise<{ real: string; link: string }> {
    const folder = await fs.mkdtemp(path.join(home, 'disk-'));
    const [real, link] = [path.join(folder, 'mnt', 'd'), path.join(folder, 'data')];
    await fs.mkdir(path.join(real, 'out', 'globex'), { recursive: true });
    await fs.symlink(real, link);
    return { real, link };
  }
  const at = (...parts: string[]): string => fileUri(path.join(...parts));

  test('a root with two names is one place, whichever of them the configuration and the job use', async () => {
    const { real, link } = await linked();
    for (const [configured, named] of [
      [real, link],
      [link, real],
      [link, link],
    ] as const) {
      const places = new Places(loadConfig({ DARKROOM_HOME: home, DARKROOM_OUTPUT: at(configured, 'out') }));
      for (const file of ['globex/trip/x.webp', 'globex', 'new/x.webp', 'GLOBEX/x', '_uploads/globex/1/x.jpg']) {
        await expect(places.checkSource('acme', at(named, 'out', file))).rejects.toMatchObject(FOREIGN);
        await expect(places.checkOutput('acme', at(named, 'OUT', file))).rejects.toMatchObject({
          type: 'OutputForbidden',
        });
      }
      await expect(places.checkSource('acme', at(named, 'out', 'acme', 'x'))).resolves.toBeUndefined();
      await expect(places.checkSource('acme', at(named, 'in', 'x.jpg'))).resolves.toBeUndefined();
    }
  });

  test('a link among one’s own files leads to whoever it leads to', async () => {
    const { real } = await linked();
    const places = new Places(loadConfig({ DARKROOM_HOME: home, DARKROOM_OUTPUT: at(real, 'out') }));
    await fs.mkdir(path.join(real, 'out', 'acme'));
    await fs.symlink(path.join(real, 'out', 'globex'), path.join(real, 'out', 'acme', 'link'));
    await fs.symlink(path.join(real, 'out'), path.join(real, 'aside'));
    await expect(places.checkSource('acme', at(real, 'out', 'acme', 'link', 'x'))).rejects.toMatchObject(FOREIGN);
    await expect(places.checkSource('acme', at(real, 'aside', 'globex', 'x'))).rejects.toMatchObject(FOREIGN);
    await expect(places.checkSource('acme', at(real, 'aside', 'acme', 'x'))).resolves.toBeUndefined();
  });

  test('before there is an output, its place is fenced all the same', async () => {
    const places = new Places(loadConfig({ DARKROOM_HOME: path.join(home, 'not', 'yet') }));
    const output = at(home, 'not', 'yet', 'outputs', 'globex');
    await expect(places.checkOutput('acme', output)).rejects.toMatchObject({ type: 'OutputForbidden' });
  });
});

test('outputs among uploads are a mistake of the configuration', () => {
  for (const uploads of ['s3://media/a', 's3://media/a/outputs', 's3://media/a/outputs/']) {
    expect(() => onS3({ DARKROOM_UPLOADS: uploads })).toThrow('DARKROOM_UPLOADS: outputs must not lie among uploads');
  }
  expect(() => onS3({ DARKROOM_UPLOADS: 's3://media/a/out' })).not.toThrow();
});

test('with keys, files are read from the outputs and uploads only, unless the configuration says otherwise', () => {
  const roots = (env: Record<string, string>): string[] => loadConfig({ DARKROOM_HOME: '/h', ...env }).allowedRoots;
  const keys = { DARKROOM_API_KEYS: `a:a:0:${'0'.repeat(64)}` };
  expect(roots({})).toEqual(['/h']);
  expect(roots(keys)).toEqual(['/h/outputs']);
  expect(roots({ ...keys, DARKROOM_OUTPUT: 's3://b/o', DARKROOM_UPLOADS: 'file:///up' })).toEqual(['/up']);
  expect(roots({ ...keys, DARKROOM_OUTPUT: 'file:///o%20o' })).toEqual(['/o o']);
  expect(roots({ ...keys, DARKROOM_ALLOWED_ROOTS: '/x' })).toEqual(['/x']);
});
