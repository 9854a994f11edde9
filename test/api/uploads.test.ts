/** Files that come by the API, each on its way to a result. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { clipFolder, ffmpeg, picture, sound, streamsOf, X264 } from '../support/clips';
import { startStack, type Stack } from '../support/stack';
import { problem, startApi, type Api } from './support';

const clips = clipFolder();
let stack: Stack;
let api: Api;
beforeAll(async () => {
  stack = await startStack({ DARKROOM_MAX_UPLOAD_BYTES: '256KiB' });
  [api] = await Promise.all([startApi(stack), stack.worker()]);
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
  clips.remove();
});

const put = (name: string, body: Buffer | undefined, type = 'image/png') =>
  fetch(`${api.url}/v1/uploads/${name}`, {
    method: 'PUT',
    body: body && new Uint8Array(body),
    headers: { 'content-type': type },
  });

test('an upload is a source; too large, empty or without a name it is none', async () => {
  const bytes = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const answer = await put('red%20%23one%3C.png', bytes);
  expect(answer.status).toBe(201);
  const { source, bytes: stored } = (await answer.json()) as { source: string; bytes: number };
  expect(stored).toBe(bytes.length);
  const { body } = await api.call('POST', '/v1/jobs?wait=30s', { source });
  expect(body).toMatchObject({ state: 'succeeded', source });
  expect((await put('large.png', Buffer.alloc(257 * 1024))).status).toBe(413);
  expect((await put('empty.png', undefined)).status).toBe(400);
  expect((await put('..', bytes)).status).toBe(404);
  expect((await put('a%2Fb.png', bytes)).status).not.toBe(500);
});

test('a video is uploaded, processed and fetched, in ranges as a player does', async () => {
  const clip = readFileSync(ffmpeg(`${picture('320x180', 1)} ${sound(1)} ${X264} -c:a aac`, clips.at('clip.mp4')));
  const { source } = (await (await put('clip.mp4', clip, 'video/mp4')).json()) as { source: string };
  const { status, body } = await api.call('POST', '/v1/jobs?wait=50s', { source });
  expect([status, body.state, body.kind]).toEqual([200, 'succeeded', 'video']);
  const { renditions } = body.manifest as { renditions: { role: string; path: string; bytes: number; mime: string }[] };
  expect(new Set(renditions.map(({ role }) => role))).toEqual(new Set(['video', 'poster', 'sprite', 'storyboard']));
  const video = renditions.find(({ role }) => role === 'video')!;
  const at = `${api.url}${body.links.files}${video.path}`;
  const part = await fetch(at, { headers: { range: 'bytes=0-99' } });
  expect([part.status, part.headers.get('content-type')]).toEqual([206, 'video/mp4']);
  expect(part.headers.get('content-range')).toBe(`bytes 0-99/${video.bytes}`);
  const whole = Buffer.from(await (await fetch(at)).arrayBuffer());
  const file = clips.at('back.mp4');
  await writeFile(file, whole);
  expect(streamsOf(file)).toMatchObject([
    { codec_name: 'h264', width: 320, height: 180, nb_read_frames: '25' },
    { codec_name: 'aac' },
  ]);
  expect(Buffer.from(await (await fetch(`${api.url}${body.links.original}`)).arrayBuffer())).toEqual(clip);
});

describe('bytes whose hash is told', () => {
  const bytes = Buffer.from('any bytes will do');
  const sha256 = createHash('sha256').update(bytes).digest('hex');

  test('are found again, and have one source however often they come', async () => {
    const ask = (name: string) => api.call('GET', `/v1/uploads/${name}?sha256=${sha256}`);
    expect(await ask('twice.bin')).toMatchObject(problem(404, 'NoSuchFile'));
    const sent = [await put(`twice.bin?sha256=${sha256}`, bytes), await put(`twice.bin?sha256=${sha256}`, bytes)];
    const [first, second] = await Promise.all(sent.map((answer) => answer.json()));
    expect(second).toEqual(first);
    expect(await ask('twice.bin')).toMatchObject({ status: 200, body: first as object });
    expect((await ask('other.bin')).status).toBe(404);
  });

  test('are refused when they are other ones, and nothing is stored', async () => {
    const answer = await put(`wrong.bin?sha256=${sha256}`, Buffer.from('other bytes'));
    expect({ status: answer.status, body: await answer.json() }).toMatchObject(problem(400, 'InvalidJob'));
    expect((await api.call('GET', `/v1/uploads/wrong.bin?sha256=${sha256}`)).status).toBe(404);
    expect((await put('bad.bin?sha256=abc', bytes)).status).toBe(400);
    expect((await api.call('GET', '/v1/uploads/bad.bin')).status).toBe(400);
  });
});

describe('a file in parts', () => {
  const bytes = randomBytes(3000);
  const upload = '0123456789abcdef0123456789abcdef';
  const part = (name: string, query: string, start = 0, end = 0) =>
    put(`${name}?upload=${upload}&${query}`, end > start ? bytes.subarray(start, end) : undefined);
  const bodyOf = async (answer: Response) => ({ status: answer.status, body: (await answer.json()) as object });

  test('is whole when its last part has come; each answer says where the next one begins', async () => {
    const ask = () => api.call('GET', `/v1/uploads/parts.bin?upload=${upload}`);
    expect(await ask()).toMatchObject({ status: 202, body: { offset: 0 } });
    expect(await bodyOf(await part('parts.bin', 'offset=0&size=3000', 0, 1000))).toMatchObject({
      ...{ status: 202, body: { offset: 1000 } },
    });
    expect(await ask()).toMatchObject({ status: 202, body: { offset: 1000 } });
    const wrong = await bodyOf(await part('parts.bin', 'offset=500&size=3000', 500, 900));
    expect(wrong).toMatchObject({ ...problem(409, 'UploadOffset') });
    expect(wrong.body).toMatchObject({ details: { offset: 1000 } });
    const whole = await bodyOf(await part('parts.bin', 'offset=1000&size=3000', 1000, 3000));
    expect(whole).toMatchObject({ status: 201, body: { bytes: 3000, name: 'parts.bin' } });
    const { source } = whole.body as { source: string };
    expect(Buffer.compare(readFileSync(fileURLToPath(source)), bytes)).toBe(0);
    expect(await ask()).toMatchObject({ status: 200, body: whole.body });
  });

  test('is refused where a part does not fit, or the bytes are not those of the hash', async () => {
    expect((await part('bad.bin', 'offset=0', 0, 10)).status).toBe(400);
    expect((await part('bad.bin', 'offset=9&size=5', 0, 10)).status).toBe(400);
    expect((await part('bad.bin', 'offset=0&size=3000')).status).toBe(400);
    expect((await part('bad.bin', 'offset=0&size=10', 0, 20)).status).toBe(413);
    expect((await part('bad.bin', `offset=0&size=${257 * 1024}`, 0, 10)).status).toBe(413);
    expect((await put('bad.bin?upload=abc&offset=0&size=10', bytes)).status).toBe(400);
    const sha256 = createHash('sha256').update('others').digest('hex');
    await part('bad.bin', `sha256=${sha256}&offset=0&size=3000`, 0, 1000);
    const last = await bodyOf(await part('bad.bin', `sha256=${sha256}&offset=1000&size=3000`, 1000, 3000));
    expect(last).toMatchObject(problem(400, 'InvalidJob'));
    // It begins anew.
    const asked = await api.call('GET', `/v1/uploads/bad.bin?upload=${upload}&sha256=${sha256}`);
    expect(asked).toMatchObject({ status: 202, body: { offset: 0 } });
  });

  test('whose end was not reached, though all bytes are here, is ended by a request without bytes', async () => {
    const folder = path.join(stack.home, `outputs/_uploads/default/.parts-${upload}/late.bin`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, '0000000000000000'), bytes);
    expect(await bodyOf(await part('late.bin', 'offset=3000&size=3000'))).toMatchObject({ status: 201 });
  });
});
