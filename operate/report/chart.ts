import { markup, type Html } from './html';
import { clock, niceTicks, timeTicks } from './scale';

/** px of the drawing; the page scales it to its width. */
const WIDTH = 860;
const HEIGHT = 220;
const PLOT = { left: 56, right: WIDTH - 12, top: 12, bottom: HEIGHT - 28 };

/** One value of every point, drawn in one colour. `undefined`: there is none, and a line is broken off. */
export interface Series {
  name: string;
  /** Class of the stylesheet: its colour. */
  colour: 'ok' | 'bad' | 'calm' | 'warm';
  shape: 'bars' | 'area' | 'line';
  values: (number | undefined)[];
}

export interface Chart {
  title: string;
  /** What the vertical axis counts, and how to write it. */
  unit: string;
  write: (value: number) => string;
  /** Bars of several series stand on each other. */
  series: Series[];
  /** Seconds that one value stands for. */
  secondsEach: number;
}

/** A chart as SVG in a figure, with a legend and, under the pointer, the figures of each moment. */
export function drawChart(chart: Chart): Html {
  const { title, unit, series, secondsEach, write } = chart;
  const count = Math.max(1, ...series.map(({ values }) => values.length));
  const ticks = niceTicks(highest(series, count));
  const top = ticks.at(-1) ?? 1;
  const x = (index: number): number => px(PLOT.left + ((PLOT.right - PLOT.left) * index) / count);
  const y = (value: number): number => px(PLOT.bottom - ((PLOT.bottom - PLOT.top) * value) / top);
  const times = timeTicks(count * secondsEach);
  return markup`<figure>
    <figcaption>
      <b>${title}</b> <span class="unit">${unit}</span>${series.length > 1 ? series.map(legend) : ''}
    </figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}, ${unit}">
      ${ticks.map((tick) => markup`<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(tick)}" y2="${y(tick)}" /><text class="axis" text-anchor="end" x="${PLOT.left - 8}" y="${y(tick) + 4}">${write(tick)}</text>`)}
      ${times.map((time) => markup`<text class="axis" text-anchor="middle" x="${x(time / secondsEach)}" y="${HEIGHT - 8}">${clock(time)}</text>`)}
      ${series.map((one, index) => draw(one, series.slice(0, index), x, y))}
      ${Array.from({ length: count }, (_, index) => markup`<rect class="hover" x="${x(index)}" y="${PLOT.top}" width="${px(x(1) - x(0))}" height="${PLOT.bottom - PLOT.top}"><title>${told(chart, index)}</title></rect>`)}
    </svg>
  </figure>`;
}

type Scale = (value: number) => number;

function draw({ shape, colour, values }: Series, below: Series[], x: Scale, y: Scale): Html {
  if (shape === 'bars') {
    const gap = x(1) - x(0) > 4 ? 1 : 0;
    return markup`${values.map((value = 0, index) => {
      const base = below.reduce((sum, one) => sum + (one.values[index] ?? 0), 0);
      const [low, high] = [y(base), y(base + value)];
      if (value <= 0) return '';
      return markup`<rect
        class="fill ${colour}"
        x="${x(index)}"
        y="${high}"
        width="${px(x(1) - x(0) - gap)}"
        height="${px(low - high)}"
      />`;
    })}`;
  }
  const runs = unbroken(values);
  const path = runs.map((run) =>
    run.map(([index, value], at) => `${at === 0 ? 'M' : 'L'}${x(index + 0.5)} ${y(value)}`).join(''),
  );
  const line = markup`<path class="line ${colour}" d="${path.join('')}" />${runs
    .filter((run) => run.length === 1)
    .map((run) =>
      run.map(
        ([index, value]) => markup`<circle class="fill ${colour}" cx="${x(index + 0.5)}" cy="${y(value)}" r="2.5" />`,
      ),
    )}`;
  if (shape === 'line') return line;
  const areas = runs.map((run, at) => {
    const [from, to] = [run[0]?.[0] ?? 0, run.at(-1)?.[0] ?? 0];
    return `${path[at]}L${x(to + 0.5)} ${y(0)}L${x(from + 0.5)} ${y(0)}Z`;
  });
  return markup`<path class="area ${colour}" d="${areas.join('')}" />${line}`;
}

/** Stretches of values without a hole, each as [index, value]. */
export function unbroken(values: (number | undefined)[]): [number, number][][] {
  const runs: [number, number][][] = [];
  values.forEach((value, index) => {
    if (value === undefined) return;
    if (index > 0 && values[index - 1] !== undefined) runs.at(-1)?.push([index, value]);
    else runs.push([[index, value]]);
  });
  return runs;
}

function highest(series: Series[], count: number): number {
  const bars = series.filter(({ shape }) => shape === 'bars');
  const stacked = Array.from({ length: count }, (_, index) =>
    bars.reduce((sum, { values }) => sum + (values[index] ?? 0), 0),
  );
  const others = series.filter(({ shape }) => shape !== 'bars').flatMap(({ values }) => values);
  return [...stacked, ...others].reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
}

function legend({ name, colour }: Series): Html {
  return markup` <span class="key"><i class="${colour}"></i>${name}</span>`;
}

/** `at 1:30: succeeded 4.2, failed 0` */
function told({ series, secondsEach, write }: Chart, index: number): string {
  const values = series.map(({ name, values: all }) => {
    const value = all[index];
    return `${name} ${value === undefined ? '–' : write(value)}`;
  });
  return `at ${clock(index * secondsEach)}: ${values.join(', ')}`;
}

function px(value: number): number {
  return Math.round(value * 10) / 10;
}
