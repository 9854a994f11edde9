import { MAX_LINE, readLines, type Line, type ListValue } from './lines';
import { UsageError } from './usage';

/** What separates cells: the comma of RFC 4180, the semicolon of spreadsheets where a comma is the decimal mark, tabs. */
const SEPARATORS = [',', ';', '\t'];
/** The columns, named as the fields of a job are. `metadata.<name>` is one entry of its metadata. */
const COLUMNS = ['source', 'id', 'kind', 'output', 'preset', 'priority', 'tenant', 'callbackUrl'];
const METADATA = /^metadata\.(.+)$/i;

interface Header {
  separator: string;
  /** Field of each column; undefined: a column without a name, which has to be empty. */
  fields: (string | undefined)[];
}

/** True for a first line that names a column `source`: then the text is a table. */
export function isTableHeader(line: string): boolean {
  return headerCells(line).cells.some((cell) => cell.toLowerCase() === 'source');
}

/**
 * The rows of a table of jobs (CSV by RFC 4180, also with semicolons or tabs): its first row names the columns, each other row
 * is a job, and an empty cell is a field that is not given. Rows are read as they come. A wrong row is a value with a problem,
 * and with its line alone: a quote that is never closed does not take the next rows along.
 * @param name of the list, for messages
 * @throws UsageError before the first value, where the columns are none of a job
 */
export async function* tableValues(stream: AsyncIterable<Buffer>, name: string): AsyncGenerator<ListValue> {
  let header: Header | undefined;
  for await (const row of rowsOf(readLines(stream), () => header?.separator)) {
    if (typeof row.cells === 'string') {
      yield { line: row.line, problem: row.cells };
      continue;
    }
    if (row.cells.every((cell) => cell.trim() === '')) continue;
    if (header === undefined) header = headerOf(row.text, name);
    else yield { line: row.line, ...jobOf(row.cells, header) };
  }
}

interface Row {
  /** From 1, where the row begins. */
  line: number;
  text: string;
  /** Or the sentence that says why there are none. */
  cells: string[] | string;
}

/**
 * Joins the lines whose line end is within quotes. Where quotes do not fit, the row is its first line only, and the lines after
 * it are rows of their own. Each line is looked at a few times at most.
 * @param separator undefined until the header is known
 */
async function* rowsOf(lines: AsyncIterable<Line>, separator: () => string | undefined): AsyncGenerator<Row> {
  /** The lines of a row whose quote is open. */
  let open: { line: number; text: string }[] = [];
  let size = 0;
  const parse = (text: string): string[] | string => {
    const sign = separator();
    return sign === undefined ? headerCells(text).cells : cellsOf(text, sign);
  };
  /** The first line is a row by itself, and wrong; the others begin anew. */
  function* giveUp(problem: string): Generator<Row> {
    const [first, ...others] = open;
    open = [];
    if (first !== undefined) yield { ...first, cells: problem };
    for (const { line, text } of others) yield* feed(line, text);
  }
  function* feed(line: number, text: string): Generator<Row> {
    if (open.length === 0) {
      const cells = parse(text);
      if (cells !== OPEN) {
        yield { line, text, cells };
        return;
      }
      size = 0;
    }
    open.push({ line, text });
    size += text.length + 1;
    if (size > MAX_LINE) {
      yield* giveUp(NEVER_CLOSED);
      return;
    }
    // All that is open has an odd number of quotes, so a line with an even number of them does not close it.
    if (open.length === 1 || quotesIn(text) % 2 === 0) return;
    const [first] = open;
    const whole = open.map((each) => each.text).join('\n');
    const cells = parse(whole);
    if (typeof cells === 'string') yield* giveUp(cells);
    else {
      open = [];
      yield { line: first?.line ?? line, text: whole, cells };
    }
  }
  for await (const { number, text, problem } of lines) {
    if (text !== undefined) {
      yield* feed(number, text);
      continue;
    }
    while (open.length > 0) yield* giveUp(NEVER_CLOSED);
    yield { line: number, text: '', cells: problem ?? '' };
  }
  while (open.length > 0) yield* giveUp(NEVER_CLOSED);
}

const OPEN = 'open';
const NEVER_CLOSED = 'A quote in the row is never closed.';
const STRAY = 'A quote within a cell has to be doubled, and the whole cell quoted.';

function quotesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) count++;
  return count;
}

/** The cells of a row; {@link OPEN}: a quote is not closed yet; any other text says what is wrong. */
function cellsOf(text: string, separator: string): string[] | string {
  const cells: string[] = [];
  for (let at = 0; ;) {
    if (text[at] !== '"') {
      const end = text.indexOf(separator, at);
      const cell = text.slice(at, end < 0 ? text.length : end);
      if (cell.includes('"')) return STRAY;
      cells.push(cell);
      if (end < 0) return cells;
      at = end + 1;
      continue;
    }
    let cell = '';
    for (let from = at + 1; ;) {
      const quote = text.indexOf('"', from);
      if (quote < 0) return OPEN;
      cell += text.slice(from, quote);
      from = quote + 2;
      if (text[quote + 1] === '"') cell += '"';
      else {
        at = quote + 1;
        break;
      }
    }
    cells.push(cell);
    if (at >= text.length) return cells;
    if (text[at] !== separator) return STRAY;
    at++;
  }
}

/** With the separator that makes the most columns. */
function headerCells(line: string): { separator: string; cells: string[] } {
  const tries = SEPARATORS.map((separator) => {
    const cells = cellsOf(line.replace(/\r$/, ''), separator);
    return { separator, cells: typeof cells === 'string' ? [] : cells.map((cell) => cell.trim()) };
  });
  return tries.reduce((best, each) => (each.cells.length > best.cells.length ? each : best));
}

/** @throws UsageError */
function headerOf(line: string, name: string): Header {
  const { separator, cells } = headerCells(line);
  if (/[\r\n]/.test(line))
    throw new UsageError(`${name} is a table with line ends of a kind that is not read; save it as CSV`);
  const fields = cells.map((cell) => {
    const metadata = METADATA.exec(cell)?.[1];
    if (cell === '' || metadata !== undefined) return metadata === undefined ? undefined : `metadata.${metadata}`;
    const field = COLUMNS.find((column) => column.toLowerCase() === cell.toLowerCase());
    if (field !== undefined) return field;
    const known = `${COLUMNS.join(', ')} and metadata.<name>`;
    throw new UsageError(
      `${name} has a column "${cell.slice(0, 60)}" that no job has; the columns of a table are ${known}`,
    );
  });
  const twice = fields.find((field, n) => field !== undefined && fields.indexOf(field) !== n);
  if (twice !== undefined) throw new UsageError(`${name} has the column "${twice.slice(0, 60)}" twice`);
  return { separator, fields };
}

/** Fields as JSON lines have them: the schema of jobs says what is wrong in them. */
function jobOf(cells: string[], { fields }: Header): { value: unknown } | { problem: string } {
  if (cells.length !== fields.length) {
    const has = `The row has ${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}`;
    return { problem: `${has}, and the first row names ${fields.length}; quote a cell that has a separator in it.` };
  }
  const job: Record<string, unknown> = {};
  const metadata: [string, string][] = [];
  for (const [n, field] of fields.entries()) {
    const cell = cells[n] ?? '';
    if (cell === '') continue;
    if (field === undefined) return { problem: `Column ${n + 1} has no name in the first row, and is not empty.` };
    const key = METADATA.exec(field)?.[1];
    if (key !== undefined) metadata.push([key, cell]);
    else job[field] = field === 'priority' && /^\d$/.test(cell.trim()) ? Number(cell) : cell;
  }
  return { value: metadata.length === 0 ? job : { ...job, metadata: Object.fromEntries(metadata) } };
}
