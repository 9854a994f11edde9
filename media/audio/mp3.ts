import { open } from 'node:fs/promises';

/** Bytes after the start of the first frame in which its header for the whole file stands, if there is one. */
const HEADER_WITHIN = 64;
const HEADERS = ['Xing', 'Info', 'VBRI'];

/**
 * Does an MP3 say how long it is? Encoders write a header into the first frame; without one, ffprobe guesses the duration
 * from the rate of the beginning.
 */
export async function statesDuration(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(10);
    await file.read(head, 0, head.length, 0);
    const frame = Buffer.alloc(HEADER_WITHIN);
    await file.read(frame, 0, frame.length, tagBytes(head));
    return HEADERS.some((name) => frame.includes(name, 0, 'latin1'));
  } finally {
    await file.close();
  }
}

/** Length of an ID3v2 tag at the beginning: seven bits in each of four bytes, without its own ten. */
function tagBytes(head: Buffer): number {
  if (head.toString('latin1', 0, 3) !== 'ID3') return 0;
  const size = head.subarray(6, 10).reduce((sum, byte) => (sum << 7) | (byte & 0x7f), 0);
  return 10 + size + ((head[5] ?? 0) & 0x10 ? 10 : 0);
}
