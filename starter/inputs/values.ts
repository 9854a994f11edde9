import { asUtf8 } from './encoding';
import { MAX_LINE, readLines, type ListValue } from './lines';
import { isTableHeader, tableValues } from './table';
import { UsageError } from './usage';

/** Bytes of a list that has to be read whole: an array, or objects over several lines. */
const MAX_WHOLE = 64 * 1024 * 1024;
/** Bytes in which the first two lines are looked for. */
const MAX_HEAD = 2 * MAX_LINE;

type Shape = 'lines' | 'table' | 'whole';

/**
 * The values of a list of jobs: one JSON object a line, a table (see table.ts), a JSON array, or JSON objects over several
 * lines, in UTF-8 or UTF-16. A bad line is a value with a problem. Lines and rows are read as they come; the other shapes are
 * read whole and checked first.
 * @param name of the list, for messages
 * @throws UsageError before the first value, for anything else
 */
export async function* readValues(
  stream: AsyncIterable<Buffer | string>,
  name: string,
  maxWhole = MAX_WHOLE,
): AsyncGenerator<ListValue> {
  const chunks = asUtf8(stream, name);
  const head: Buffer[] = [];
  let shape: Shape | undefined;
  for await (const chunk of ahead(chunks)) {
    head.push(chunk);
    shape = shapeOf(Buffer.concat(head), name, false);
    if (shape !== undefined) break;
  }
  shape ??= shapeOf(Buffer.concat(head), name, true);
  const all = after(head, chunks);
  if (shape === 'whole') yield* wholeValues(await textOf(all, name, maxWhole), name);
  else if (shape === 'table') yield* tableValues(all, name);
  else yield* lineValues(all);
}

async function* lineValues(stream: AsyncIterable<Buffer>): AsyncGenerator<ListValue> {
  for await (const { number: line, text, problem } of readLines(stream)) {
    if (text === undefined) yield { line, problem };
    else if (text.trim() !== '') yield parsed(text, line);
  }
}

function parsed(text: string, line: number): ListValue {
  try {
    return { line, value: JSON.parse(text) as unknown };
  } catch {
    return { line, problem: 'The line is not JSON.' };
  }
}

/**
 * What the beginning of a list is, by its first two lines that are not empty: a line that is no JSON may be a mistake in a
 * list of lines, or the first line of an object.
 * @returns undefined: more has to be read, unless this is the end
 * @throws UsageError
 */
function shapeOf(head: Buffer, name: string, isEnd: boolean): Shape | undefined {
  const text = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  if (text.startsWith('[')) return 'whole';
  const isAll = isEnd || head.length > MAX_HEAD;
  const [first = '', ...others] = text.split('\n');
  const second = others.map((line) => line.trim()).find((line) => line !== '');
  // A line without its end may go on.
  if (!isAll && others.length === 0) return undefined;
  if (first === '' || (first.startsWith('{') && isJson(first))) return 'lines';
  if (isTableHeader(first)) return 'table';
  if (!isAll && second === undefined) return undefined;
  if (second?.startsWith('{')) return 'lines';
  if (first.startsWith('{')) return head.length > MAX_HEAD && second === undefined ? 'lines' : 'whole';
  throw new UsageError(`${name} ${looksLike(first)}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function looksLike(line: string): string {
  if (/[,;\t]/.test(line))
    return 'looks like a table (CSV); its first row has to name the columns, one of them "source"';
  const instead = 'not a list of jobs; write one job a line, such as {"source": "photo.jpg"}';
  return line.startsWith('<') ? `is XML, ${instead}` : `is a plain text, ${instead}`;
}

async function textOf(stream: AsyncIterable<Buffer>, name: string, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) {
      const most = `${Math.floor(maxBytes / 2 ** 20)} MiB`;
      throw new UsageError(`${name} is one JSON text of more than ${most}; write one job a line`);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new UsageError(`${name} is not UTF-8; save the list as UTF-8`);
  }
}

/** The elements of an array, or objects one after the other. */
function wholeValues(text: string, name: string): ListValue[] {
  const values = split(text).map(({ from, to, line }) => {
    try {
      return { line, value: JSON.parse(text.slice(from, to)) as unknown };
    } catch {
      throw new UsageError(`${name} is not valid JSON in what begins at line ${line}; nothing of it was submitted`);
    }
  });
  const isArray = text.trimStart().startsWith('[');
  if (isArray && !isJson(text)) {
    throw new UsageError(`${name} is a JSON array that is not valid: look at its end; nothing of it was submitted`);
  }
  const [only] = values;
  if (!isArray && values.length === 1 && Array.isArray((only?.value as { jobs?: unknown }).jobs)) {
    throw new UsageError(`${name} is the body of POST /v1/batches; give its "jobs" alone as the list`);
  }
  return values;
}

/** Where the values of a text begin and end, by its brackets; within an array, its elements. Parsing finds what is wrong. */
function split(text: string): { from: number; to: number; line: number }[] {
  const found: { from: number; to: number; line: number }[] = [];
  const base = /^\s*\[/.test(text) ? 1 : 0;
  let [depth, line, isString] = [0, 1, false];
  let open: { from: number; line: number } | undefined;
  const close = (to: number): void => {
    if (open !== undefined) found.push({ ...open, to });
    open = undefined;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '\n' || (char === '\r' && text[at + 1] !== '\n')) line++;
    if (isString) {
      if (char === '\\') at++;
      else if (char === '"') isString = false;
      continue;
    }
    if (/\s/.test(char)) continue;
    const isEnd = char === ']' || char === '}';
    if (isEnd) depth--;
    if (depth < base || (depth === base && char === ',')) {
      if (isEnd || char === ',') close(at);
    } else if (depth === base && !isEnd) open ??= { from: at, line };
    if (char === '[' || char === '{') depth++;
    if (char === '"') isString = true;
    if (isEnd && depth === 0 && base === 0) close(at + 1);
  }
  close(text.length);
  return found;
}

/** The chunks of an iterator that goes on to be used when this loop is left. */
async function* ahead(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

async function* after(head: Buffer[], rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield* head;
  yield* rest;
}
