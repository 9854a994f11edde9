import { open, type FileHandle } from 'node:fs/promises';

/** Bytes of the longest page of an Ogg file. */
const MAX_PAGE = 65_307;
/** Opus counts its samples at this rate, whatever the source's. */
const GRANULE_RATE = 48_000;
/** The page's flag: the stream ends here. */
const LAST = 4;

/** Does an Ogg file end within a page? It states no length as a whole, so this is how a cut shows. */
export async function isCutShort(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const { tail, page } = await lastPage(file, size);
    const table = tail.subarray(page + 27, page + 27 + (tail[page + 26] ?? 0));
    const length = 27 + table.length + table.reduce((sum, lacing) => sum + lacing, 0);
    return page >= 0 && page + length > tail.length;
  } finally {
    await file.close();
  }
}

async function lastPage(file: FileHandle, size: number): Promise<{ tail: Buffer; page: number }> {
  const tail = Buffer.alloc(Math.min(size, 2 * MAX_PAGE));
  await file.read(tail, 0, tail.length, size - tail.length);
  return { tail, page: tail.lastIndexOf('OggS', undefined, 'latin1') };
}

/**
 * Reads what an Ogg file that ffmpeg just wrote says about the Opus in it, without starting an ffprobe.
 * @throws Error where the file has no beginning or no end
 */
export async function readOpus(path: string): Promise<{ durationSeconds: number; channels: number }> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(size, 512));
    await file.read(head, 0, head.length, 0);
    const opus = head.indexOf('OpusHead', 0, 'latin1');
    if (head.toString('latin1', 0, 4) !== 'OggS' || opus < 0) throw new Error('not Opus in Ogg');
    const { tail, page } = await lastPage(file, size);
    if (page < 0 || ((tail[page + 5] ?? 0) & LAST) === 0) throw new Error('the file has no end');
    const samples = Number(tail.readBigInt64LE(page + 6)) - head.readUInt16LE(opus + 10);
    return { durationSeconds: samples / GRANULE_RATE, channels: head[opus + 9] ?? 0 };
  } finally {
    await file.close();
  }
}
