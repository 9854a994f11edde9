import { drawChart, unbroken, type Chart } from './chart';
import type { BatchReport } from './collect';
import { markup } from './html';
import { charts, reportPage } from './page';
import { clock, niceTicks, timeTicks } from './scale';
import { Timeline } from './timeline';
import { Histogram } from '../../starter/core/lib/histogram';

const START = Date.UTC(2026, 0, 1);

function report(over: Partial<BatchReport> = {}): BatchReport {
  const timeline = new Timeline();
  const latency = new Histogram();
  for (let second = 0; second < 20; second++) {
    timeline.started(START + second * 100);
    timeline.succeeded(START + second * 1000, 500 + second * 10);
    latency.add(500 + second * 10);
  }
  return {
    ...{ batchId: 'b', from: START, to: START + 20_000, succeeded: 20, failed: 0, cancelled: 0, open: 0, mended: 0 },
    ...{ kinds: { image: 20, video: 0, audio: 0 }, bytesIn: 1e6, bytesOut: 1e5, latency, points: timeline.points() },
    ...{ widthMs: timeline.widthMs, slowest: [], failures: [], unread: 0 },
    ...over,
  };
}

describe('the timeline', () => {
  test('tells rates and what is open at each moment', () => {
    const { points } = report();
    expect(points).toHaveLength(20);
    expect(points.map(({ succeeded }) => succeeded)).toEqual(Array(20).fill(1));
    expect(points.map(({ open }) => open)).toEqual([9, 18, ...Array.from({ length: 18 }, (_, index) => 17 - index)]);
  });

  test('stays small however long the batch takes, and loses nothing', () => {
    const timeline = new Timeline();
    const day = 86_400_000;
    for (let count = 0; count < 5_000; count++) {
      // In any order, as pages of runs come.
      const at = START + ((count * 7919) % 5_000) * (day / 100);
      timeline.started(at);
      timeline.succeeded(at + 1000, 1000);
    }
    const points = timeline.points();
    expect(points.length).toBeLessThanOrEqual(60);
    expect(points.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(5_000);
    expect(points.at(-1)?.open).toBe(0);
    expect(points.find(({ succeeded }) => succeeded > 0)?.p50).toBeCloseTo(1000, -2);
  });
});

test('axes have round numbers', () => {
  expect(niceTicks(0)).toEqual([0, 1]);
  expect(niceTicks(0.7)).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
  expect(niceTicks(37)).toEqual([0, 10, 20, 30, 40]);
  expect(timeTicks(300)).toEqual([0, 60, 120, 180, 240, 300]);
  expect(timeTicks(30 * 86_400).length).toBeLessThanOrEqual(9);
  expect([5, 90, 7265].map(clock)).toEqual(['0:05', '1:30', '2:01:05']);
});

describe('charts', () => {
  const chart: Chart = { title: 'T', unit: 'u', write: String, secondsEach: 1, series: [] };
  const drawn = (series: Chart['series']): string => drawChart({ ...chart, series }).text;

  test('stack bars, and end exactly at the axis', () => {
    const svg = drawn([
      { name: 'a', colour: 'ok', shape: 'bars', values: [1, 0] },
      { name: 'b', colour: 'bad', shape: 'bars', values: [3, 0] },
    ]);
    const bars = [...svg.matchAll(/class="fill (\w+)"[^>]*?y="([\d.]+)"[^>]*?height="([\d.]+)"/g)].map(
      ([, colour, y, height]) => [colour, Number(y), Number(height)] as const,
    );
    expect(bars).toEqual([
      ['ok', 147, 45],
      ['bad', 12, 135],
    ]);
  });

  test('break a line where there is nothing, and show a lonely value', () => {
    expect(unbroken([1, undefined, 2, 3])).toEqual([
      [[0, 1]],
      [
        [2, 2],
        [3, 3],
      ],
    ]);
    const svg = drawn([{ name: 'a', colour: 'ok', shape: 'line', values: [1, undefined, 2, 3] }]);
    expect(svg.match(/<circle/g)).toHaveLength(1);
    expect(svg.match(/M[\d.]+ [\d.]+/g)).toHaveLength(2);
  });

  test('of a real batch hold no broken number', () => {
    const text = charts(report())
      .map((one) => drawChart(one).text)
      .join('');
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('the page', () => {
  const nasty = `<script>alert("1")</script>'&\x1b`;

  test('escapes what strangers have named', () => {
    const item = { workflowId: 'b/1', runId: 'r', source: nasty, kind: 'image' as const, ms: 100 };
    const page = reportPage(
      report({
        failed: 1,
        slowest: [item],
        failures: [{ type: 'CorruptMedia', count: 1, examples: [{ ...item, message: nasty }] }],
      }),
      () => 'http://ui/x?a="b"',
    );
    expect(page).not.toContain('<script');
    expect(page).not.toContain('\x1b');
    expect(page).toContain('href="http://ui/x?a=&quot;b&quot;"');
    expect(markup`${['a', markup`<b>`]}`.text).toBe('a<b>');
  });

  test('needs nothing from anywhere', () => {
    const page = reportPage(report(), () => undefined);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/src=|@import|url\(|<link/);
  });

  test('of a batch that has only begun says so', () => {
    const page = reportPage(report({ succeeded: 0, open: 3, latency: new Histogram(), bytesIn: 0 }), () => undefined);
    expect(page).toContain('Nothing has been published yet.');
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });
});
