import { useState } from 'preact/hooks';
import type { Pipeline } from '../api';
import { count } from '../lib/format';
import { useWidth } from '../lib/width';

type Minute = Pipeline['minutes'][number];

/** px of the drawing: it is as wide as its frame, so that its texts keep their size on a phone. */
const LEFT = 44;
const FOOT = 22;
const BARS = { top: 26, height: 96 };
const LINE = { top: 160, height: 56 };
const HEIGHT = LINE.top + LINE.height + FOOT;

/** The last hour, minute by minute: what ended, and below it, on a scale of its own, what was open. */
export function ThroughputChart({ minutes }: { minutes: Minute[] | undefined }) {
  const [at, setAt] = useState<number>();
  const [frame, width] = useWidth(960);
  const known = minutes ?? [];
  const shown = at === undefined ? undefined : known[at];
  const step = (width - LEFT) / Math.max(1, known.length);
  const x = (index: number): number => LEFT + index * step;
  const tops = { rate: niceTop(known.map(ended)), backlog: niceTop(known.map(({ backlog }) => backlog)) };
  const y = (panel: typeof BARS, value: number, top: number): number => panel.top + panel.height * (1 - value / top);
  const bar = (value: number, below: number) => ({
    y: y(BARS, value + below, tops.rate),
    height: (BARS.height * value) / tops.rate,
  });
  return (
    <figure class="chart">
      <figcaption>
        <h2>The last hour</h2>
        <p class="readout">{shown && sentence(shown)}</p>
      </figcaption>
      <div ref={frame}>
        <svg
          viewBox={`0 0 ${width} ${HEIGHT}`}
          role="img"
          aria-label={minutes ? summary(minutes) : 'The figures of the last hour are not known.'}
          onPointerLeave={() => setAt(undefined)}
          onPointerMove={(event) => {
            const across = event.clientX - event.currentTarget.getBoundingClientRect().left - LEFT;
            setAt(Math.min(known.length - 1, Math.max(0, Math.floor(across / step))));
          }}
        >
          <Panel title="Items a minute" place={BARS} top={tops.rate} width={width} isKnown={minutes !== undefined} />
          <Panel title="Items open" place={LINE} top={tops.backlog} width={width} isKnown={minutes !== undefined} />
          {shown && (
            <rect class="at" x={x(at ?? 0)} y={BARS.top} width={step} height={LINE.top + LINE.height - BARS.top} />
          )}
          {known.map(({ at: time, succeeded, failed }, index) => (
            <g key={time}>
              <rect class="done" x={x(index) + step * 0.12} width={step * 0.76} {...bar(succeeded, 0)} />
              <rect class="bad" x={x(index) + step * 0.12} width={step * 0.76} {...bar(failed, succeeded)} />
            </g>
          ))}
          <polyline
            class="backlog"
            points={known.map(({ backlog }, at) => `${x(at + 0.5)},${y(LINE, backlog, tops.backlog)}`).join(' ')}
          />
          {known.map(
            ({ at: time }, index) =>
              isMarked(time, width) && (
                <text key={time} class="hour" x={x(index)} y={HEIGHT - 6}>
                  {hour(time)}
                </text>
              ),
          )}
        </svg>
      </div>
    </figure>
  );
}

/** Frame of one quantity: its name, and its scale on the left. */
function Panel(props: { title: string; place: typeof BARS; top: number; width: number; isKnown: boolean }) {
  const { title, place, top, width, isKnown } = props;
  const values = top % 2 === 0 ? [0, top / 2, top] : [0, top];
  return (
    <g>
      <text class="panel" x="0" y={place.top - 11}>
        {title}
      </text>
      {values.map((value) => {
        const y = place.top + place.height * (1 - value / top);
        return (
          <g key={value}>
            <line class={value === 0 ? 'base' : 'grid'} x1={LEFT} x2={width} y1={y} y2={y} />
            {isKnown && (
              <text class="scale" x={LEFT - 8} y={y + 4}>
                {count(value)}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

/** Each quarter of an hour, or each half of one where there is little room. */
function isMarked(iso: string, width: number): boolean {
  return new Date(iso).getMinutes() % (width < 620 ? 30 : 15) === 0;
}

const ended = ({ succeeded, failed }: Minute): number => succeeded + failed;
const hour = (iso: string): string => new Date(iso).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });

function sentence(minute: Minute): string {
  const failed = minute.failed > 0 ? `, ${count(minute.failed)} failed` : '';
  return `${hour(minute.at)}: ${count(minute.succeeded)} done${failed}, ${count(minute.backlog)} open`;
}

function summary(minutes: Minute[]): string {
  const done = minutes.reduce((sum, { succeeded }) => sum + succeeded, 0);
  const failed = minutes.reduce((sum, minute) => sum + minute.failed, 0);
  const open = count(minutes.at(-1)?.backlog ?? 0);
  return `In the last hour ${count(done)} items were done and ${count(failed)} failed; ${open} are open now.`;
}

/** 1, 2 or 5 times a power of ten, at or above the largest value. */
export function niceTop(values: number[]): number {
  const most = Math.max(1, ...values);
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5, 10].find((factor) => factor * power >= most) ?? 10) * power;
}
