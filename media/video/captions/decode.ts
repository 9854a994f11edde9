/**
 * The text of a file of captions: UTF-8 or UTF-16, with or without a byte order mark; else Windows-1252 (and so Latin-1), which
 * is the only other one that can be told from its bytes. Texts of other scripts in 8 bits are refused rather than garbled.
 * @returns the encoding beside the text, for a warning where it was guessed
 * @throws Error with a sentence's end
 */
export function decodeCaptions(bytes: Buffer): { text: string; guessed?: string } {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return { text: strictly('utf-16le', bytes) };
  if (first === 0xfe && second === 0xff) return { text: strictly('utf-16be', bytes) };
  const sample = bytes.subarray(0, 4000);
  const zeros = (parity: number) => sample.filter((byte, at) => byte === 0 && at % 2 === parity).length;
  if (zeros(1) > sample.length / 4) return { text: strictly('utf-16le', bytes), guessed: 'UTF-16' };
  if (zeros(0) > sample.length / 4) return { text: strictly('utf-16be', bytes), guessed: 'UTF-16' };
  try {
    return { text: strictly('utf-8', bytes) };
  } catch {
    if (!looksWestern(bytes)) throw new Error('are in an encoding that cannot be told; save them as UTF-8');
    return { text: strictly('windows-1252', bytes), guessed: 'Windows-1252' };
  }
}

function strictly(encoding: string, bytes: Buffer): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`are damaged: they are no ${encoding.toUpperCase()}`);
  }
}

/** Bytes that Windows-1252 leaves undefined. */
const UNDEFINED = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

/** In texts with Latin letters most letters have no accents, and no byte is a control character. */
function looksWestern(bytes: Buffer): boolean {
  let [plain, accented] = [0, 0];
  for (const byte of bytes) {
    if ((byte < 0x20 && ![9, 10, 12, 13].includes(byte)) || UNDEFINED.includes(byte)) return false;
    if ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)) plain++;
    if (byte >= 0xc0) accented++;
  }
  return accented < plain;
}
