import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { canSpeak, CANNOT_SPEAK, speak } from '../../test/support/clips';
import { describeWhere } from '../../test/support/only-where';
import { ModelHost } from '../host';
import { hasModels } from '../runtime';

const REASON = `the models are not installed ("npm run models"), or ${CANNOT_SPEAK}`;

describeWhere(hasModels() && canSpeak, REASON)('speech in sound', () => {
  let folder: string;
  let host: ModelHost;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'darkroom-speech-'));
    host = new ModelHost({
      ...{ budgetBytes: 2 ** 30, pinned: [], slots: 1, timeoutMs: 60_000 },
      runtime: { providers: ['cpu'], threads: 1 },
    });
  });
  afterAll(async () => {
    await host.close();
    await rm(folder, { recursive: true });
  });

  test('is found between a tone and silence, and neither of those is speech', async () => {
    const input = path.join(folder, 'sound.s16');
    speak('Good morning everybody. The next train leaves at nine.', input, 's16le');
    const { speech } = await host.run('speech', { input, limits: { maxPixels: 1, maxFrames: 1 }, allowSvg: false });
    const [first = [0, 0]] = speech?.ranges ?? [];
    expect(Math.abs(first[0] - 3.2)).toBeLessThan(0.5);
    expect(speech?.seconds).toBeGreaterThan(2);
    expect(speech?.ranges.at(-1)?.[1]).toBeLessThan(8);
  });
});
