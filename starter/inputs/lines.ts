import type { Readable } from 'node:stream';

/** Longer lines are no jobs; without a limit, a file without line ends would fill the memory. In bytes. */
export const MAX_LINE = 1024 * 1024;

export interface Line {
  /** From 1. */
  number: number;
  /** Undefined: longer than the limit. */
  text: string | undefined;
}

/** The lines of a stream, without their ends. Memory does not grow with the stream. */
export async function* readLines(stream: Readable): AsyncGenerator<Line> {
  let number = 0;
  let parts: Buffer[] = [];
  let size = 0;
  const take = (end: Buffer): Line => {
    const text = size + end.length > MAX_LINE ? undefined : Buffer.concat([...parts, end]).toString('utf8');
    parts = [];
    size = 0;
    return { number: ++number, text: text?.replace(/^\ufeff/, '').replace(/\r$/, '') };
  };
  for await (const chunk of stream as AsyncIterable<Buffer | string>) {
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
