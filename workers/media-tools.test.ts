import { toolVersions } from './media-tools';

const nowhere = { ffmpegPath: '/nowhere/ffmpeg', ffprobePath: '/nowhere/ffprobe', threads: 1, stallMs: 1000, maxMemory: 2 ** 30 }; // prettier-ignore

describe('without ffmpeg', () => {
  test.each([
    [['image'], 'images that move fail: one sentence says so', 1],
    [['workflows'], 'nothing is missing', 0],
  ])('%s: %s', async (pools, _, sentences) => {
    const warned: string[] = [];
    const versions = await toolVersions(nowhere, pools, (sentence) => warned.push(sentence));
    expect(versions).toMatchObject({ libvips: expect.any(String) });
    expect(versions).not.toHaveProperty('ffmpeg');
    expect(warned).toEqual(
      Array(sentences).fill(expect.stringMatching(/^ffmpeg is not here; .* MP4, WebM or AVIF fail/)),
    );
  });

  test('a worker of videos does not start', async () => {
    await expect(toolVersions(nowhere, ['image', 'video'], () => undefined)).rejects.toThrow('ffmpeg is not here');
  });
});
