import { useState } from 'preact/hooks';
import type { Throughput } from '../api';
import { count } from '../lib/format';

type Minute = Throughput['minutes'][number];

/** Units of the drawing; the picture scales to its frame. */
const [WIDTH, HEIGHT, FOOT] = [960, 140, 20];

/** The last hour: bars are items that ended in a minute, the line is what was open at its end. */
export function ThroughputChart({ minutes }: { minutes: Minute[] }) {
  const [at, setAt] = useState<number>();
  const tops = { rate: niceTop(minutes.map(ended)), backlog: niceTop(minutes.map(({ backlog }) => backlog)) };
  const shown = at === undefined ? undefined : minutes[at];
  const step = WIDTH / Math.max(1, minutes.length);
  const y = (value: number, top: number): number => HEIGHT * (1 - value / top);
  return (
    <figure class="chart">
      <figcaption>
        <h2>The last hour</h2>
        <p class="legend">
          <span class="key key-bars">
            Items a minute <small>up to {count(tops.rate)}</small>
          </span>
          <span class="key key-line">
            Backlog <small>up to {count(tops.backlog)}</small>
          </span>
          <span class="readout">{shown && sentence(shown)}</span>
        </p>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`}
        role="img"
        aria-label={summary(minutes)}
        onPointerLeave={() => setAt(undefined)}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setAt(Math.min(minutes.length - 1, Math.floor((minutes.length * (event.clientX - box.left)) / box.width)));
        }}
      >
        {[0, 0.5, 1].map((part) => (
          <line key={part} class="grid" x1="0" x2={WIDTH} y1={HEIGHT * part} y2={HEIGHT * part} />
        ))}
        {minutes.map((minute, index) => (
          <g key={minute.at} class={index === at ? 'is-at' : undefined}>
            <rect class="hit" x={index * step} y="0" width={step} height={HEIGHT} />
            <rect
              class="done"
              x={index * step + 1.5}
              width={step - 3}
              rx="2"
              {...bar(minute.succeeded, 0, tops.rate)}
            />
            <rect
              class="bad"
              x={index * step + 1.5}
              width={step - 3}
              rx="2"
              {...bar(minute.failed, minute.succeeded, tops.rate)}
            />
          </g>
        ))}
        <polyline
          class="backlog"
          points={minutes.map(({ backlog }, index) => `${(index + 0.5) * step},${y(backlog, tops.backlog)}`).join(' ')}
        />
        {minutes.map(
          ({ at: time }, index) =>
            index % 15 === 7 && (
              <text key={time} x={(index + 0.5) * step} y={HEIGHT + 15}>
                {hour(time)}
              </text>
            ),
        )}
      </svg>
    </figure>
  );
}

function bar(value: number, below: number, top: number): { y: number; height: number } {
  return { y: HEIGHT * (1 - (value + below) / top), height: (HEIGHT * value) / top };
}

const ended = ({ succeeded, failed }: Minute): number => succeeded + failed;
const hour = (iso: string): string => new Date(iso).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });

function sentence(minute: Minute): string {
  const failed = minute.failed > 0 ? `, ${count(minute.failed)} failed` : '';
  return `${hour(minute.at)}: ${count(minute.succeeded)} done${failed}, ${count(minute.backlog)} open`;
}

function summary(minutes: Minute[]): string {
  const done = minutes.reduce((sum, { succeeded }) => sum + succeeded, 0);
  return `In the last hour ${count(done)} items were done; ${count(minutes.at(-1)?.backlog ?? 0)} are open now.`;
}

/** 1, 2 or 5 times a power of ten, at or above the largest value. */
export function niceTop(values: number[]): number {
  const most = Math.max(1, ...values);
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5, 10].find((factor) => factor * power >= most) ?? 10) * power;
}
