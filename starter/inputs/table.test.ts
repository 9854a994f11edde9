/** Job lists as tables, as spreadsheets and databases write them. */
import { PassThrough, Readable } from 'node:stream';
import { MAX_LINE, type ListValue } from './lines';
import { UsageError } from './usage';
import { readValues } from './values';

async function read(bytes: string | Buffer, size = Infinity): Promise<ListValue[]> {
  const all = Buffer.from(bytes);
  const parts: Buffer[] = [];
  for (let at = 0; at < all.length; at += Math.min(size, all.length)) parts.push(all.subarray(at, at + size));
  const values: ListValue[] = [];
  for await (const value of readValues(Readable.from(parts), 'list.csv')) values.push(value);
  return values;
}
const valuesOf = async (bytes: string | Buffer) => (await read(bytes)).map(({ value }) => value);
const problemsOf = async (text: string) =>
  (await read(text)).map(({ line, problem }) => (problem === undefined ? line : `${line}: ${problem}`));

const rows = ['source,id,priority', 's3://b/1,one,1', 's3://b/2,,'];
const jobs = [{ source: 's3://b/1', id: 'one', priority: 1 }, { source: 's3://b/2' }];

test.each<[string, string | Buffer]>([
  ['commas', rows.join('\n')],
  ['CRLF and a last line end', `${rows.join('\r\n')}\r\n`],
  ['a byte order mark', `\ufeff${rows.join('\r\n')}`],
  ['semicolons', rows.join('\n').replaceAll(',', ';')],
  ['tabs', rows.join('\n').replaceAll(',', '\t')],
  [
    'UTF-16 with tabs, as spreadsheets save "Unicode text"',
    Buffer.from(`\ufeff${rows.join('\r\n')}`.replaceAll(',', '\t'), 'utf16le'),
  ],
  ['UTF-16, big-endian, without a mark', Buffer.from(rows.join('\n'), 'utf16le').swap16()],
  ['quotes around everything', rows.join('\n').replaceAll(/[^,\n]+/g, '"$&"')],
  ['capitals and blanks in the header', rows.join('\n').replace('source,id', ' Source , ID')],
  ['empty rows, and rows of separators only', `\n${rows.join('\n\n')}\n,,\n`],
  ['columns without a name', rows.map((row) => `${row},,`).join('\n')],
])('a table with %s', async (_, bytes) => {
  expect(await valuesOf(bytes)).toEqual(jobs);
  expect((await read(bytes, 1)).map(({ value }) => value)).toEqual(jobs);
});

test('a cell may hold separators, quotes and line ends; rows are counted by lines', async () => {
  const text = 'source,metadata.title,metadata.By\n"s3://b/a,b","say ""x""\nand y",Jo\ns3://b/c,,\n';
  expect(await read(text)).toEqual([
    { line: 2, value: { source: 's3://b/a,b', metadata: { title: 'say "x"\nand y', By: 'Jo' } } },
    { line: 4, value: { source: 's3://b/c' } },
  ]);
});

test('one column is a table too', async () => {
  expect(await valuesOf('source\na.jpg\nb c.jpg')).toEqual([{ source: 'a.jpg' }, { source: 'b c.jpg' }]);
});

test('a wrong row is refused by its line, and the rows after it are read', async () => {
  expect(await problemsOf('source,id\na\nb,1\nc,2,3\nd"e,4\n"f"g,5\nh,6')).toEqual([
    '2: The row has 1 cell, and the first row names 2; quote a cell that has a separator in it.',
    3,
    '4: The row has 3 cells, and the first row names 2; quote a cell that has a separator in it.',
    '5: A quote within a cell has to be doubled, and the whole cell quoted.',
    '6: A quote within a cell has to be doubled, and the whole cell quoted.',
    7,
  ]);
  expect(await problemsOf('source,\na,\nb,c')).toEqual([
    2,
    '3: Column 2 has no name in the first row, and is not empty.',
  ]);
});

test('a quote that is never closed costs its own row only', async () => {
  expect(await problemsOf('source,id\n"a,1\nb,2\nc,3')).toEqual(['2: A quote in the row is never closed.', 3, 4]);
  expect(await problemsOf('source,id\nx,"a\nb,2\n"c",3')).toEqual(['2: A quote in the row is never closed.', 3, 4]);
  const long = Array.from({ length: 3 }, () => `s,${'x'.repeat(MAX_LINE / 2)}`);
  expect(await problemsOf(`source,id\n"a,1\n${long.join('\n')}`)).toEqual([
    '2: A quote in the row is never closed.',
    3,
    4,
    5,
  ]);
});

test('quotes that open again and again are looked at a few times only', async () => {
  const group = `"x,1\n${'""\n'.repeat(10_000)}`;
  const stray = ': A quote within a cell has to be doubled, and the whole cell quoted.';
  const expected = [`2${stray}`, `10003${stray}`, '20004: A quote in the row is never closed.'];
  expect(await problemsOf(`source,id\n${group.repeat(3)}`)).toEqual(expected);
});

test('a row that is not UTF-8 is refused alone', async () => {
  const bytes = Buffer.from('source,id\ncaf\xe9.jpg,1\nb,2', 'latin1');
  expect(await read(bytes)).toMatchObject([{ line: 2, problem: expect.stringMatching(/not UTF-8/) }, { line: 3 }]);
});

test('a field of a wrong kind is left for the schema of jobs to name', async () => {
  expect(await valuesOf('source,priority\na,high\nb,12')).toEqual([
    { source: 'a', priority: 'high' },
    { source: 'b', priority: '12' },
  ]);
});

test('a row comes as soon as it is whole', async () => {
  const feed = new PassThrough();
  const values = readValues(feed, 'stdin');
  feed.write('source\na.jpg\n');
  expect((await values.next()).value).toEqual({ line: 2, value: { source: 'a.jpg' } });
  feed.end();
  expect((await values.next()).done).toBe(true);
});

test.each([
  ['source,colour\na,b', /has a column "colour" that no job has; the columns of a table are source, id/],
  ['source,id,ID\na,b,c', /has the column "id" twice/],
  ['file,preset\na,b', /looks like a table \(CSV\); its first row has to name the columns, one of them "source"/],
])('%j is refused once, before anything is read', async (text, message) => {
  const reading = read(text);
  await expect(reading).rejects.toThrow(UsageError);
  await expect(reading).rejects.toThrow(message);
});
