import path from 'node:path';
import { mainInput, pictureGraph, type Composition } from '../compose';
import { runBounds } from '../ffmpeg/bounds';
import { runReported } from '../ffmpeg/run';
import { fraction } from '../fraction';
import type { Branch } from '../outputs/branch';
import type { StepInput } from '../types';
import { badOutput } from './finish';

/** An encoded film and the branch whose pictures it should resemble. */
export interface Pair {
  /** Its `pictures` are the source after all filters, as the encoder got them. */
  branch: Branch;
  /** The pad on which these pictures come out, without brackets. */
  pad: string;
  /** Rate of these pictures. */
  fps: string;
  /** px of these pictures. */
  width: number;
  height: number;
  /** How many of them the films have. */
  frames: number;
  /** Names of films of them in the output folder, MP4; those of another size are scaled to this one. */
  films: string[];
}

/**
 * How like the source films are: the structural similarity (SSIM) of the luminance, 0–1, as a mean over all their
 * pictures. All of them by one ffmpeg, which decodes the source once.
 * @returns of each pair, in the order of its films
 * @throws DarkroomError as runFfmpeg does; EncoderFailed where nothing could be compared
 */
export async function likenessOf(
  { settings, signal, onProgress, outputDir }: StepInput,
  composition: Composition,
  pairs: Pair[],
): Promise<number[][]> {
  const branches = pairs.map(({ branch }) => branch);
  const films = pairs.flatMap((pair) => pair.films.map((name) => ({ pair, name })));
  const sources = pictureGraph(
    { ...composition, branches },
    branches.flatMap(({ pictures }) => pictures ?? []),
  );
  const cwd = path.resolve(outputDir);
  const command = {
    // The films that are copied along need not be named: the reading is strict.
    inputs: [
      mainInput(
        { ...composition, branches },
        branches.flatMap((branch) => branch.films ?? []),
      ),
    ],
    filterGraph: [
      sources,
      ...pairs.map(ofSource),
      ...films.map(({ pair, name }, at) => comparison(pair, name, at)),
    ].join(';'),
    outputs: [{ options: [...films.flatMap((_, at) => ['-map', `[like-${at}]`]), '-f', 'null'], file: '-' }],
    bounds: runBounds(
      composition.probe,
      branches.map(({ makes }) => makes),
      composition.maxDuration,
    ),
  };
  const { report } = await runReported(command, { settings, signal, onProgress, cwd });
  const found = [...report.matchAll(/\[ssim@like-(\d+) @ \w+\] SSIM Y:([\d.]+)/g)];
  const values = new Map(found.map(([, at, value]) => [Number(at), Number(value)]));
  const missing = films.find((_, at) => !values.has(at));
  if (missing) {
    throw badOutput('The encoder wrote a film that cannot be compared with the source.', { film: missing.name });
  }
  let next = 0;
  return pairs.map((pair) => pair.films.map(() => values.get(next++) ?? 0));
}

/** Pads `source-…-0`, `source-…-1`: as many pictures of the source as the films have, once for each film, beginning at zero. */
function ofSource({ pad, frames, films }: Pair): string {
  const pads = films.map((_, at) => `[${pad}-${at}]`).join('');
  return `[${pad}]setpts=PTS-STARTPTS,trim=end_frame=${frames},split=${films.length}${pads}`;
}

/**
 * A film beside the pictures of the source. Each of those meets the film's latest picture, which half a picture's time
 * makes the right one, however times are rounded. The film is read by a filter: its name holds no character of a filter's.
 */
function comparison({ pad, fps, width, height, films }: Pair, name: string, at: number): string {
  const { num, den } = fraction(fps);
  const film = [
    `movie=filename=${name}:format_name=mov`,
    `setpts=PTS-STARTPTS-${(den / num / 2).toFixed(6)}/TB`,
    `scale=${width}:${height}:flags=bicubic`,
  ].join(',');
  return `${film}[film-${at}];[${pad}-${films.indexOf(name)}][film-${at}]ssim@like-${at}[like-${at}]`;
}
