import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { copyBounds } from '../ffmpeg/bounds';
import { runFfmpeg } from '../ffmpeg/run';
import { badOutput } from '../check/finish';
import { readHeader, type Mp4Facts } from '../check/mp4';
import type { HlsFile, StepInput } from '../types';
import { INIT, KEYFRAMES, packageCommand, PLAYLIST } from './command';
import { readFragment, timescaleOf, type Fragment } from './fragment';
import { fileOf } from './file-of';
import { keyframesOnly, rates, readPlaylist, type Segment } from './playlist';

/** What cuts a track. */
export type Cut = Pick<StepInput, 'settings' | 'signal' | 'onProgress'> & { root: string; segmentSeconds: number };

/** A rung's pictures, or the sound, as segments. */
export interface Track {
  /** Address of its playlist, relative to the multivariant one. */
  uri: string;
  header: ReturnType<typeof readHeader>;
  segments: Segment[];
  /** The segments as they lie in their files; `timescale`: units a second. */
  fragments: Fragment[];
  timescale: number;
  /** Bits a second, measured. */
  peak: number;
  average: number;
  /** In the order to publish: what the playlist names, then the playlist. */
  files: HlsFile[];
}

/**
 * Cuts one track of a finished MP4 into `<root>/<name>/` and reads back every file that its playlist names.
 * @throws DarkroomError EncoderFailed where a segment, a frame or the end is missing
 */
export async function cutTrack(cut: Cut, name: string, kind: 'video' | 'audio', mp4: Input): Promise<Track> {
  const folder = path.join(cut.root, name);
  await mkdir(folder);
  const bounds = copyBounds(mp4.facts.durationSeconds, (await stat(mp4.file)).size);
  await runFfmpeg(packageCommand(mp4.file, kind, cut.segmentSeconds, bounds), { ...cut, cwd: folder });
  try {
    return await readTrack(cut, folder, name, kind, mp4.facts);
  } catch (error) {
    cut.signal?.throwIfAborted();
    throw badOutput('The segments of the stream are not whole.', { track: name, cause: String(error) });
  }
}

export interface Input {
  file: string;
  facts: Mp4Facts;
}

async function readTrack(
  cut: Cut,
  folder: string,
  name: string,
  kind: 'video' | 'audio',
  mp4: Mp4Facts,
): Promise<Track> {
  const files: HlsFile[] = [];
  let done = 0;
  const read = async (file: string, mime: string): Promise<Buffer> => {
    cut.signal?.throwIfAborted();
    const bytes = await readFile(path.join(folder, file));
    files.push(fileOf(bytes, `${name}/${file}`, path.join(folder, file), mime));
    cut.onProgress?.({ step: 'read', bytes: (done += bytes.length) });
    return bytes;
  };
  const segments = readPlaylist(await readFile(path.join(folder, PLAYLIST), 'utf8'));
  const init = await read(INIT, 'video/mp4');
  const header = readHeader(init);
  const fragments: Fragment[] = [];
  const sized: { bytes: number; seconds: number }[] = [];
  let samples = 0;
  for (const { name: file, seconds } of segments) {
    const bytes = await read(file, 'video/iso.segment');
    const fragment = readFragment(bytes);
    samples += fragment.samples;
    fragments.push(fragment);
    sized.push({ bytes: bytes.length, seconds });
  }
  checkSamples(samples, kind, mp4);
  await read(PLAYLIST, 'application/vnd.apple.mpegurl');
  if (kind === 'video') {
    await writeFile(path.join(folder, KEYFRAMES), keyframesOnly(segments, fragments));
    await read(KEYFRAMES, 'application/vnd.apple.mpegurl');
  }
  return {
    uri: `${name}/${PLAYLIST}`,
    header,
    segments,
    fragments,
    timescale: timescaleOf(init),
    files,
    ...rates(sized),
  };
}

/** Cutting loses no frame and no packet, except the one of sound before zero. */
function checkSamples(found: number, kind: 'video' | 'audio', mp4: Mp4Facts): void {
  const wanted = kind === 'video' ? (mp4.video?.frames ?? 0) : (mp4.audio?.packets ?? 0);
  if (found > 0 && (found === wanted || (kind === 'audio' && found === wanted - 1))) return;
  throw new Error(`${found} of ${wanted} frames`);
}
