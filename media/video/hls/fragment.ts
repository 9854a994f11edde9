import { boxes, inside } from '../check/mp4';

/** A media segment of one track, as ffmpeg's HLS muxer writes it: one fragment. */
export interface Fragment {
  /** Units of the track's timescale. */
  decodeTime: number;
  duration: number;
  samples: number;
  /** Bytes from the beginning of the fragment to the end of its first picture, which is a keyframe. */
  keyframe: { offset: number; length: number };
}

/** Units a second of the one track that a header describes. */
export function timescaleOf(init: Buffer): number {
  const mdhd = inside(init, 'moov/trak/mdia/mdhd');
  return mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12);
}

/** @throws Error for anything but one fragment with one run of pictures */
export function readFragment(segment: Buffer): Fragment {
  const moof = inside(segment, 'moof');
  const defaults = readDefaults(inside(moof, 'traf/tfhd'));
  const runs = boxes(inside(moof, 'traf')).filter(({ type }) => type === 'trun');
  const [run, ...others] = runs;
  if (run === undefined || others.length > 0) throw new Error(`${runs.length} runs in a fragment`);
  const { samples, duration, firstBytes, dataOffset } = readRun(run.body, defaults);
  const offset = moof.byteOffset - segment.byteOffset - 8;
  return {
    decodeTime: decodeTimeOf(inside(moof, 'traf/tfdt')),
    ...{ duration, samples, keyframe: { offset, length: dataOffset + firstBytes } },
  };
}

/** Moves a segment in time, in place. @param time to add, in units of the track's timescale @param sequence from 1 */
export function moveFragment(segment: Buffer, time: number, sequence: number): void {
  const moof = inside(segment, 'moof');
  inside(moof, 'mfhd').writeUInt32BE(sequence, 4);
  const tfdt = inside(moof, 'traf/tfdt');
  addTime(tfdt, 4, time);
  const index = boxes(segment).find(({ type }) => type === 'sidx');
  // Behind the number of the track and the timescale.
  if (index) addTime(index.body, 12, time);
}

/** A time of 64 bits in version 1 of a box, and of 32 in version 0. */
function addTime(box: Buffer, at: number, time: number): void {
  if (box[0] === 1) box.writeBigUInt64BE(box.readBigUInt64BE(at) + BigInt(time), at);
  else box.writeUInt32BE(box.readUInt32BE(at) + time, at);
}

function decodeTimeOf(tfdt: Buffer): number {
  return tfdt[0] === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4);
}

interface Defaults {
  duration: number;
  bytes: number;
}

function readDefaults(tfhd: Buffer): Defaults {
  const flags = tfhd.readUInt32BE(0) & 0xffffff;
  const at = 8 + (flags & 0x1 ? 8 : 0) + (flags & 0x2 ? 4 : 0);
  const bytesAt = at + (flags & 0x8 ? 4 : 0);
  return {
    duration: flags & 0x8 ? tfhd.readUInt32BE(at) : 0,
    bytes: flags & 0x10 ? tfhd.readUInt32BE(bytesAt) : 0,
  };
}

function readRun(trun: Buffer, defaults: Defaults) {
  const flags = trun.readUInt32BE(0) & 0xffffff;
  const samples = trun.readUInt32BE(4);
  const dataOffset = flags & 0x1 ? trun.readInt32BE(8) : 0;
  let at = 8 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);
  let duration = 0;
  let firstBytes = defaults.bytes;
  for (let sample = 0; sample < samples; sample++) {
    duration += flags & 0x100 ? trun.readUInt32BE(at) : defaults.duration;
    if (flags & 0x100) at += 4;
    if (sample === 0 && flags & 0x200) firstBytes = trun.readUInt32BE(at);
    at += (flags & 0x200 ? 4 : 0) + (flags & 0x400 ? 4 : 0) + (flags & 0x800 ? 4 : 0);
  }
  return { samples, duration, firstBytes, dataOffset };
}
