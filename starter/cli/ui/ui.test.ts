import { coloursFor } from './colours';
import { describeError, exitCodeOf, Interrupted } from './command';
import { formatBytes, formatRate, formatSeconds, printableText } from './format';
import { parseBatchOptions } from './options';
import { bar, progressLine, progressText, type Progress } from './progress-line';
import { RateMeter } from './rate';
import { summaryText, type Summary } from './summary';
import { createView } from './view';
import { DarkroomError } from '../../../common/errors';
import { UsageError } from '../../inputs';
import { isLoopback } from '../session';

const plain = coloursFor({ write: () => {} }, false);

describe('arguments', () => {
  test('of a first try', () => {
    expect(parseBatchOptions(['2000'], '/')).toEqual({
      input: { type: 'samples', count: 2000, name: 'samples-2000' },
      preset: 'web',
      concurrency: 64,
      json: false,
      wait: true,
      force: false,
      sharedFiles: false,
      allFiles: false,
    });
  });

  test('all of them', () => {
    const argv =
      '--input s3://b/p --preset avif --output out/ --batch-id x.1 --concurrency 8 --priority 1 --json --no-wait --force';
    expect(parseBatchOptions([...argv.split(' '), '--staging', 's3://b/s/'], '/home')).toMatchObject({
      input: { type: 'folder', uri: 's3://b/p' },
      ...{
        preset: 'avif',
        output: 'file:///home/out',
        batchId: 'x.1',
        concurrency: 8,
        priority: 1,
        json: true,
        wait: false,
      },
      ...{ force: true, staging: 's3://b/s' },
    });
  });

  test.each([
    [[], 'say how many samples'],
    [['many'], 'expected a number of samples from 1 to 1000000, got "many"'],
    [['1', '2'], 'too many arguments'],
    [['1', '--input', '-'], 'not both'],
    [['1', '--colour'], "unknown option '--colour'"],
    [['1', '--priority', '0'], 'from 1 to 5'],
    [['1', '--concurrency', '1e9'], 'from 1 to 1000'],
    [['1', '--batch-id', 'a b'], 'expected letters'],
    [['1', '--output', 'https://x/y'], 'expected a folder or s3://bucket/prefix'],
    [['1', '--output', ''], 'expected a folder'],
    [['1', '--staging', 'file:///x'], 'expected s3://bucket/prefix'],
    [['--input'], 'argument missing'],
    [['--input', '/does/not/exist\x1b[31m'], 'no such file or folder'],
  ])('%j is one line and exit code 2', (argv, message) => {
    let error: unknown;
    try {
      parseBatchOptions(argv, '/');
    } catch (caught) {
      error = caught;
    }
    expect(describeError(error)).toContain(message);
    expect(describeError(error)).not.toMatch(/[\n\x1b]|^error/);
    expect(exitCodeOf(error)).toBe(2);
  });
});

test('exit codes and words of errors', () => {
  expect(exitCodeOf(new Interrupted())).toBe(130);
  expect(exitCodeOf(new UsageError('x'))).toBe(2);
  expect(exitCodeOf(new DarkroomError('InvalidJob', 'x'))).toBe(1);
  expect(describeError(Object.assign(new Error('7 PERMISSION_DENIED: no'), { code: 7, details: 'no' }))).toBe(
    'Temporal refused the call: no',
  );
  expect(describeError(new TypeError('x is undefined'))).not.toContain('\n');
});

describe('numbers as people read them', () => {
  test.each([
    [0.84, '0.8 s'],
    [42.4, '42 s'],
    [59.6, '1:00'],
    [187, '3:07'],
    [3729, '1:02:09'],
  ])('%d s is %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [999_600, '1.0 MB'],
    [731_000_000, '731 MB'],
    [4.2e12, '4.2 TB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
  test('rates', () => expect([0, 9.94, 12.7, 1234].map(formatRate)).toEqual(['0.0', '9.9', '13', '1,234']));
});

describe('the rate', () => {
  test('is that of the last seconds, and tells when the rest will be done', () => {
    const rate = new RateMeter();
    expect(rate.secondsFor(10)).toBeUndefined();
    for (let second = 0; second <= 60; second++)
      rate.add(second * 1000, second < 30 ? second : 30 + (second - 30) * 10);
    expect(rate.perSecond).toBeCloseTo(10, 0);
    expect(rate.secondsFor(100)).toBeCloseTo(10, 0);
  });
  test('of a batch that stands still is zero', () => {
    const rate = new RateMeter();
    rate.add(0, 5);
    rate.add(5000, 5);
    expect(rate.perSecond).toBe(0);
    expect(rate.secondsFor(3)).toBeUndefined();
  });
});

const look: Progress = {
  ...{ done: 1234, failed: 3, running: 4, waiting: 759, paused: 0, skipped: 0, total: 2000 },
  ...{ final: true, itemsPerSecond: 16.2, etaSeconds: 47 },
};

describe('progress', () => {
  test('in words', () => {
    expect(progressText(look)).toBe('1,234 of 2,000 done, 3 failed, 4 running, 759 waiting, 16/s, 47 s left');
    expect(progressText({ ...look, final: false, skipped: 2 })).toContain('2,000+ done');
    expect(progressText({ ...look, paused: 7 })).toContain('759 waiting, 7 paused');
  });
  test('as a bar that fits into the line', () => {
    expect(bar(0.5, 12)).toBe('[█████░░░░░]');
    for (const columns of [20, 80, 200]) expect(progressLine(look, columns).length).toBeLessThan(columns);
  });
  test('JSON lines for programs, plain lines for logs, one line redrawn on a terminal', () => {
    const texts = [
      [true, false],
      [false, false],
      [false, true],
    ].map(([json, isTTY]) => {
      let text = '';
      const view = createView(json === true, { isTTY, columns: 100, write: (part: string) => (text += part) });
      view.note('bad\x1bname');
      view.progress(look);
      view.progress(look);
      view.end();
      return text;
    });
    const lines = texts[0]!.trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['note', 'progress', 'progress']);
    expect(texts[1]!.trim().split('\n')).toHaveLength(2);
    expect(texts[1]).not.toContain('\x1b');
    expect(texts[2]!.split('\n')).toHaveLength(3);
    expect(texts[2]).toContain('\r\x1b[K[');
  });
});

describe('the summary', () => {
  const summary: Summary = {
    ...{ batchId: 'b', submitted: 12, completed: 5, failed: 5, skipped: 1, seconds: 12.3, itemsPerSecond: 0.4 },
    ...{ cancelled: 0, open: 0, rejected: 1, duplicates: 2, ignored: 3 },
    ...{
      latencyMs: { p50: 900, p95: 2000, p99: 61_000 },
      bytesIn: 5_000_000,
      bytesOut: 1_000_000,
      outputs: 'file:///o',
    },
    failures: [1, 2, 3, 4].map((n) => ({
      source: `file:///${n}.jpg`,
      type: 'SourceNotFound',
      message: `No file:///${n}.jpg.`,
    })),
  };
  test('groups failures by their reason', () => {
    const text = summaryText(summary, plain, true);
    expect(text).toContain('5 completed, 5 failed, 1 skipped (already done), 1 rejected');
    expect(text).toContain('2 listed more than once (counted once), 3 files ignored');
    expect(text).toContain('4 x SourceNotFound: No the file.');
    expect(text).toContain('and 1 more');
    expect(text).toContain('p50 0.9 s, p95 2.0 s, p99 1:01');
    expect(text).toContain('Only the first 4 failures are shown.');
  });
  test('has colours on a terminal only, and not where NO_COLOR is', () => {
    const terminal = { write: () => {}, isTTY: true };
    expect(summaryText(summary, coloursFor(terminal, false), true)).toContain('\x1b[');
    expect(summaryText(summary, coloursFor(terminal, true), true)).not.toContain('\x1b');
    expect(printableText('a\x1b[2Jb')).toBe('a\ufffd[2Jb');
  });
});

test.each([
  ['localhost:7233', true],
  ['127.0.0.1:7233', true],
  ['[::1]:7233', true],
  ['temporal.example.com:7233', false],
  ['127.evil.com:7233', false],
])('%s is this machine: %s', (address, local) => expect(isLoopback(address)).toBe(local));
