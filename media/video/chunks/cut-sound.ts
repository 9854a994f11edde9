import { badOutput } from '../check/finish';
import { readMp4 } from '../check/mp4';
import { cutTrack, type Cut } from '../hls/track';
import type { ChunkTrack } from './make-chunk';

/**
 * Cuts a finished sound into the segments of a stream, in `<name>/` of the root.
 * @throws DarkroomError EncoderFailed where a segment or a packet is missing
 */
export async function cutSound(cut: Cut, name: string, file: string): Promise<ChunkTrack> {
  const track = await cutTrack(cut, name, 'audio', { file, facts: await readMp4(file) });
  const { header, files, fragments, timescale } = track;
  const init = files.find(({ mime }) => mime === 'video/mp4');
  const pieces = files.filter(({ mime }) => mime === 'video/iso.segment');
  if (init === undefined || pieces.length !== fragments.length) throw badOutput('A sound was cut badly.', { name });
  const segments = pieces.map((piece, at) => {
    const { duration = 0, samples = 0, keyframe = { offset: 0, length: 0 } } = fragments[at] ?? {};
    return { ...piece, seconds: duration / timescale, frames: samples, keyframe };
  });
  return { rung: name, codecs: header.codecs, width: 0, height: 0, init, segments };
}
