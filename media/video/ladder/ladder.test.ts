/** Ladders that are chosen for a source: the rules as tables, then real films. */
import { mkdirSync, readdirSync } from 'node:fs';
import { clipFolder, ffmpeg, picture, settings, X264 } from '../../../test/support/clips';
import { probeVideo } from '../probe/probe';
import { chooseLadder, pointFor, rungsOf, type Measured, type Point } from './choose';
import { autoLadder } from './sample';

const clips = clipFolder();
afterAll(clips.remove);
let count = 0;

/** Points on a line of `perStep` dB, and of a part of the bits, for each step of the factor. */
function line(db: number, kbps: number, perStep = 0.5): Point[] {
  return [20, 27, 34].map((crf) => ({
    crf,
    ssim: 1 - 10 ** (-(db - perStep * (crf - 20)) / 10),
    kbps: kbps * 0.9 ** (crf - 20),
  }));
}

const [top, high, middle, low] = rungsOf({});
function measured(rungs: [points: Point[], enlarged?: number][]): Measured[] {
  return rungs.map(([points, enlarged], at) => {
    const rung = [top, high, middle, low][at]!;
    return {
      rung,
      width: (16 * rung.height) / 9,
      height: rung.height,
      points,
      ...(enlarged !== undefined && { enlarged }),
    };
  });
}

const names = (of: { name: string }[]) => of.map(({ name }) => name);

test('the factor is the highest that keeps the target, as the samples let expect, within bounds', () => {
  const target = 1 - 10 ** -1.3; // 13 dB
  expect(pointFor(line(16, 4000), target)).toMatchObject({ crf: 26, ssim: expect.closeTo(target, 3) as number });
  expect(pointFor(line(16, 4000), target).kbps).toBeCloseTo(4000 * 0.9 ** 6, -1);
  expect(pointFor(line(40, 4000), target).crf).toBe(36);
  expect(pointFor(line(5, 4000), target)).toMatchObject({ crf: 18 });
  expect(pointFor(line(5, 4000), target).ssim).toBeLessThan(target);
  expect(
    pointFor(
      [20, 27, 34].map((crf) => ({ crf, ssim: 1, kbps: 20 })),
      0.999,
    ),
  ).toMatchObject({ crf: 36 });
});

test('each rung has a factor of its own, and the target is that of the quality', () => {
  const films = measured([[line(16, 6000)], [line(15, 3000), 0.9], [line(14, 1200), 0.9], [line(13, 600), 0.9]]);
  const { rungs, ladder } = chooseLadder(films, { quality: { ssim: 0.95 } });
  expect(names(rungs)).toEqual(['1080p', '720p', '480p', '360p']);
  expect(rungs.map(({ crf }) => crf)).toEqual([25, 23, 21, 19]);
  expect(ladder).toMatchObject({ target: 0.95, dropped: [] });
  expect(chooseLadder(films, {}).ladder.target).toBe(0.96);
});

test('rungs that bring nothing are left out, and the ladder says why', () => {
  const films = measured([[line(20, 6000)], [line(20, 3000), 0.99], [line(20, 2900), 0.9], [line(20, 300), 0.9]]);
  const { rungs, ladder } = chooseLadder(films, {});
  expect(names(rungs)).toEqual(['720p', '360p']);
  expect(ladder.dropped).toEqual([
    { name: '1080p', why: '720p, enlarged, has an SSIM of 0.99, and 1080p has 0.9776 at the same crf.' },
    { name: '480p', why: expect.stringMatching(/^It would need \d+ kbit\/s, and 720p needs \d+\.$/) as string },
  ]);
  // It reaches the target, but the larger rung shows more.
  const sharp = measured([[line(25, 6000)], [line(25, 3000), 0.97]]);
  expect(names(chooseLadder(sharp, {}).rungs)).toEqual(['1080p', '720p']);
  const small = chooseLadder(measured([[line(30, 400)], [line(30, 100), 0.9]]), {});
  expect(small.ladder.dropped).toEqual([
    { name: '720p', why: expect.stringMatching(/^1080p needs \d+ kbit\/s only\.$/) as string },
  ]);
});

async function ladderOf(input: string) {
  const outputDir = clips.at(`out %d ${count++}`);
  mkdirSync(outputDir);
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const step = { input, outputDir, probe, maxDuration: 3_600_000, settings };
  const chosen = await autoLadder(step, { audio: 'optional', ladder: 'auto' });
  expect(readdirSync(outputDir)).toEqual([]);
  return chosen;
}

test('a flat cartoon gets higher factors and fewer rungs than a film with grain, and a soft film no rung of its full size', async () => {
  const flat = `-f lavfi -i color=0x3060a0:s=854x480:r=6:d=4,drawbox=x=40:y=100:w=200:h=150:color=0xf0c020:t=fill`;
  const cartoon = await ladderOf(ffmpeg(`${flat} ${X264} -crf 12`, clips.at('cartoon.mp4')));
  const grain = `${picture('854x480', 4, 6)},noise=alls=25:allf=t`;
  const film = await ladderOf(ffmpeg(`${grain} ${X264} -crf 12`, clips.at('film.mp4')));
  expect(names(film.rungs)).toEqual(['480p', '360p']);
  expect(cartoon.rungs.length).toBeLessThan(film.rungs.length);
  expect(Math.min(...cartoon.rungs.map(({ crf }) => crf))).toBeGreaterThan(
    Math.max(...film.rungs.map(({ crf }) => crf)),
  );
  expect(cartoon.ladder.dropped).toHaveLength(1);
  const soft = `${picture('214x120', 2, 6)},scale=854:480:flags=bicubic`;
  const enlarged = await ladderOf(ffmpeg(`${soft} ${X264} -crf 12`, clips.at('soft.mp4')));
  expect(names(enlarged.rungs)).toEqual(['360p']);
  expect(enlarged.ladder.dropped).toEqual([
    {
      name: '480p',
      why: expect.stringMatching(/^360p, enlarged, has an SSIM of 0\.\d+, and 480p has 0\.\d+ at/) as string,
    },
  ]);
  expect(film.ladder.samples).toEqual([expect.closeTo(2, 0)]);
});

test('a source that cannot be decoded keeps all rungs at a usual factor; the encoding then says what is wrong', async () => {
  const whole = ffmpeg(`${picture('160x90', 4, 25)} ${X264}`, clips.at('whole.mp4'));
  const probe = await probeVideo(whole, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const outputDir = clips.at('broken');
  mkdirSync(outputDir);
  const step = { input: '/dev/null', outputDir, probe, maxDuration: 3_600_000, settings };
  const { rungs, ladder } = await autoLadder(step, { audio: 'optional', ladder: 'auto' });
  expect(rungs.map(({ name, crf }) => [name, crf])).toEqual([['360p', 23]]);
  expect(ladder).toEqual({ samples: [], rungs: [], dropped: [] });
});
