import { sniff, SNIFF_BYTES } from '../../media/sniff';
import { UsageError } from './usage';

/** Bytes that tell the encoding: the longest mark has four. */
const MARK_BYTES = 4;

/**
 * The bytes of a list as UTF-8 without a byte order mark. UTF-16 is read, with its mark or by the zero bytes of ASCII in it.
 * @param name of the list, for messages
 * @throws UsageError for an encoding or a type of file that is no list of jobs
 */
export async function* asUtf8(stream: AsyncIterable<Buffer | string>, name: string): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  let decode: ((chunk?: Buffer) => Buffer) | undefined;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (decode !== undefined) {
      yield decode(bytes);
      continue;
    }
    head = Buffer.concat([head, bytes]);
    if (head.length < MARK_BYTES) continue;
    decode = decoderFor(head, name);
    yield decode(head);
  }
  decode ??= decoderFor(head, name);
  yield decode(head.length < MARK_BYTES ? head : undefined);
}

function decoderFor(head: Buffer, name: string): (chunk?: Buffer) => Buffer {
  const encoding = encodingOf(head, name);
  if (encoding === 'utf-8') return (chunk = Buffer.alloc(0)) => chunk;
  const decoder = new TextDecoder(encoding);
  return (chunk) => Buffer.from(chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true }));
}

function encodingOf(head: Buffer, name: string): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [a = 0x20, b = 0x20, c, d] = head;
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff)) {
    throw new UsageError(`${name} is UTF-32; save the list as UTF-8`);
  }
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (b === 0 && a !== 0 && (c === undefined || (c !== 0 && d === 0))) return 'utf-16le';
  if (a === 0 && b !== 0 && c === 0) return 'utf-16be';
  refuseOtherFiles(head, name);
  return 'utf-8';
}

function refuseOtherFiles(head: Buffer, name: string): void {
  const start = head.subarray(0, SNIFF_BYTES);
  if (/^(\xef\xbb\xbf)?\s*[[{]/.test(start.toString('latin1'))) return;
  const found = sniff(start);
  const isText = found?.format === 'text' || found?.format === 'ffconcat';
  if (found !== undefined && !isText) throw new UsageError(`${name} is ${found.name}, not a list of jobs`);
  // Texts have no zero bytes.
  if (start.includes(0)) throw new UsageError(`${name} is not a text, so it is no list of jobs`);
}
