import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import type { TextFound } from '../../common/analysis';
import { describeWhere } from '../../test/support/only-where';
import { ModelHost } from '../host';
import { hasModels } from '../runtime';

describeWhere(hasModels(), 'the models are not installed; "npm run models" installs them')('text in pictures', () => {
  let folder: string;
  let host: ModelHost;
  let page: Buffer;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-ocr-'));
    host = new ModelHost({
      ...{ budgetBytes: 2 ** 31, pinned: [], slots: 1, timeoutMs: 60_000 },
      runtime: { providers: ['cpu'], threads: 2 },
    });
    const line = (y: number, text: string): string =>
      `<text x="60" y="${y}" font-size="48" font-family="sans-serif">${text}</text>`;
    const lines = `${line(120, 'Darkroom opens at nine')}${line(300, 'Ticket 4711')}`;
    const sheet = `<rect width="100%" height="100%" fill="#fff"/>${lines}`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="400">${sheet}</svg>`;
    page = await sharp(Buffer.from(svg)).png().toBuffer();
  });

  afterAll(async () => {
    await host.close();
    await rm(folder, { recursive: true });
  });

  async function read(name: string, bytes: Buffer): Promise<TextFound> {
    const input = path.join(folder, name);
    await writeFile(input, bytes);
    const limits = { maxPixels: 1e7, maxFrames: 10 };
    const { text } = await host.run('text', { input, limits, allowSvg: false });
    if (text === undefined) throw new Error('no text in the answer');
    return text;
  }

  const isPage = (found: TextFound): void => {
    expect(found.lines.map(({ text }) => text.replaceAll(' ', ''))).toEqual(['Darkroomopensatnine', 'Ticket4711']);
    expect(found.alt.replaceAll(' ', '')).toBe('DarkroomopensatnineTicket4711');
    const [first, second] = found.lines;
    expect(Math.min(first?.confidence ?? 0, second?.confidence ?? 0)).toBeGreaterThan(0.8);
    // The second line: from x = 60 on, its foot at y = 300, letters about 36 px high.
    const [begin, , , below] = second?.box ?? [[0, 0], 0, 0, [0, 0]];
    expect(Math.abs(begin[0] - 60)).toBeLessThan(15);
    expect(Math.abs(begin[1] - 262)).toBeLessThan(15);
    expect(Math.abs(below[1] - 303)).toBeLessThan(15);
  };

  test('lines come with their places', async () => isPage(await read('page.png', page)));

  test('a picture that its EXIF data turns is read as people see it', async () => {
    const turned = await sharp(page).rotate(90).withMetadata({ orientation: 8 }).jpeg().toBuffer();
    isPage(await read('turned.jpg', turned));
  });

  test('text upside down is read, and its box begins where the text does', async () => {
    const { lines } = await read('down.png', await sharp(page).rotate(180).toBuffer());
    const ticket = lines.find(({ text }) => text.replaceAll(' ', '') === 'Ticket4711');
    const [begin, end] = ticket?.box ?? [[0], [0]];
    expect(begin[0]).toBeGreaterThan(end[0]);
  });

  test('a picture without text has none', async () => {
    const grey = { width: 300, height: 200, channels: 3 as const, background: '#777' };
    expect(await read('grey.png', await sharp({ create: grey }).png().toBuffer())).toEqual({ alt: '', lines: [] });
  });

  test('a damaged picture is refused, and the model stays loaded', async () => {
    const [pid] = host.pids();
    await expect(read('cut.png', page.subarray(0, 900))).rejects.toMatchObject({ type: 'CorruptMedia' });
    await expect(read('words.png', Buffer.from('no picture'))).rejects.toMatchObject({ type: 'UnsupportedMedia' });
    isPage(await read('page.png', page));
    expect(host.pids()).toEqual([pid]);
  });
});
