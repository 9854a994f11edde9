import { constants } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { badOutput } from '../../video/check/finish';
import { inside } from '../foreign/iso';
import type { Frames } from '../types';

/** Bytes before the first frame in a file of frames: room for the header of the box that holds them. */
export const ROOM = 16;
/** Units of a second in the container: delays are in ms. */
const TIMESCALE = 1000;

/**
 * Makes a QuickTime movie of a file of frames, in place: raw RGB is one of its codings, and it says how long each frame shows.
 * Every number comes from `frames`; nothing that the file has of its own is left but the pixels.
 */
export async function asMovie({ file, width, height, delays }: Frames): Promise<void> {
  const bytes = width * height * 3;
  const header = Buffer.alloc(ROOM);
  header.writeUInt32BE(1);
  header.write('mdat', 4, 'latin1');
  header.writeBigUInt64BE(BigInt(ROOM + bytes * delays.length), 8);
  // A child that was taken over may have put a link there meanwhile.
  const output = await open(file, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
  try {
    await output.write(header, 0, ROOM, 0);
    const index = moov(width, height, delays);
    await output.write(index, 0, index.length, ROOM + bytes * delays.length);
  } finally {
    await output.close();
  }
}

/**
 * Sets how long the last frame of a moving AVIF shows. ffmpeg's versions write this time in units of different clocks, so ffmpeg
 * gets the shortest time there is, which no other frame has and which therefore stands alone.
 * @param ms of that frame
 */
export async function showLast(file: string, ms: number): Promise<void> {
  const bytes = await readFile(file);
  const media = ['moov', 'trak', 'mdia'].reduce((body: Buffer | undefined, type) => body && inside(body, type), bytes);
  const clock = media && inside(media, 'mdhd');
  const times =
    media && ['minf', 'stbl', 'stts'].reduce((body: Buffer | undefined, type) => body && inside(body, type), media);
  if (clock === undefined || times === undefined) throw badOutput('The encoder wrote no index of its frames.', {});
  // A clock of 64 bits is for what takes longer than an animation may.
  if (clock[0] !== 0) throw badOutput('The encoder wrote an index of its frames that is not known.', {});
  const shown = Math.round((ms * clock.readUInt32BE(12)) / 1000);
  const whole = clock.readUInt32BE(16) - times.readUInt32BE(times.length - 4) + shown;
  clock.writeUInt32BE(whole, 16);
  times.writeUInt32BE(shown, times.length - 4);
  await writeFile(file, bytes);
}

function moov(width: number, height: number, delays: readonly number[]): Buffer {
  const total = delays.reduce((sum, delay) => sum + delay, 0);
  const matrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
  const tables = [
    full('stsd', u32(1), rawEntry(width, height)),
    full('stts', u32(delays.length, ...delays.flatMap((delay) => [1, delay]))),
    full('stsc', u32(1, 1, delays.length, 1)),
    full('stsz', u32(width * height * 3, delays.length)),
    full('stco', u32(1, ROOM)),
  ];
  const self = full('url ', Buffer.alloc(0));
  // Flags: the media are in this file.
  self[11] = 1;
  const media = box(
    'mdia',
    full('mdhd', u32(0, 0, TIMESCALE, total, 0)),
    full('hdlr', u32(0), text('vide'), u32(0, 0, 0), Buffer.alloc(1)),
    box('minf', full('vmhd', u32(0, 0)), box('dinf', full('dref', u32(1), self)), box('stbl', ...tables)),
  );
  const size = u32(width * 0x10000, height * 0x10000);
  const track = full('tkhd', u32(0, 0, 1, 0, total, 0, 0, 0, 0), matrix, size);
  // Flags: the track is on.
  track[11] = 1;
  const movie = full('mvhd', u32(0, 0, TIMESCALE, total, 0x10000, 0x1000000, 0, 0), matrix, u32(0, 0, 0, 0, 0, 0, 2));
  return box('moov', movie, box('trak', track, media));
}

/** A sample entry of raw RGB, 24 bits a pixel. */
function rawEntry(width: number, height: number): Buffer {
  const entry = Buffer.alloc(78);
  entry.writeUInt16BE(1, 6);
  entry.writeUInt16BE(width, 24);
  entry.writeUInt16BE(height, 26);
  entry.writeUInt32BE(0x480000, 28);
  entry.writeUInt32BE(0x480000, 32);
  entry.writeUInt16BE(1, 40);
  entry.writeUInt16BE(24, 74);
  // No table of colours.
  entry.writeInt16BE(-1, 76);
  return box('raw ', entry);
}

const text = (letters: string): Buffer => Buffer.from(letters, 'latin1');

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32BE(value, 4 * at));
  return bytes;
}

function box(type: string, ...parts: Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(length), text(type), ...parts]);
}

/** A box with a version and flags, both 0. */
function full(type: string, ...parts: Buffer[]): Buffer {
  return box(type, u32(0), ...parts);
}
