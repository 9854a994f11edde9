import { isUtf8 } from 'node:buffer';

/** Longer lines are no jobs; without a limit, a file without line ends would fill the memory. In bytes. */
export const MAX_LINE = 1024 * 1024;

export interface Line {
  /** From 1. */
  number: number;
  /** Without its end; undefined where `problem` says why. */
  text?: string;
  problem?: string;
}

/** A value of a list, or why there is none. */
export interface ListValue {
  /** Where it begins, from 1. */
  line: number;
  value?: unknown;
  problem?: string;
}

/** The lines of a stream of UTF-8. Memory does not grow with the stream. */
export async function* readLines(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Line> {
  let number = 0;
  let parts: Buffer[] = [];
  let size = 0;
  const take = (end: Buffer): Line => {
    const isTooLong = size + end.length > MAX_LINE;
    const bytes = isTooLong ? Buffer.alloc(0) : Buffer.concat([...parts, end]);
    parts = [];
    size = 0;
    number++;
    if (isTooLong) return { number, problem: 'The line is longer than 1 MiB.' };
    if (!isUtf8(bytes)) return { number, problem: 'The line is not UTF-8; save the list as UTF-8.' };
    return {
      number,
      text: bytes
        .toString('utf8')
        .replace(/^\ufeff/, '')
        .replace(/\r$/, ''),
    };
  };
  for await (const chunk of stream) {
    let rest = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      yield take(rest.subarray(0, at));
      rest = rest.subarray(at + 1);
    }
    size += rest.length;
    if (size <= MAX_LINE) parts.push(rest);
    else parts = [];
  }
  if (size > 0) yield take(Buffer.alloc(0));
}
