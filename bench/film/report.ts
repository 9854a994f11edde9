import type { Cost, Run } from './run';
import { SLEEP } from './scale';
import { HEIGHTS, USUAL_SECONDS } from './setting';

/** Parts of the report, in the order in which they are printed. Markdown. */
export function head(seconds: number): string {
  return [
    '',
    `A film of ${seconds} s, 1080p at 30 frames a second, ${HEIGHTS.length} rungs:`,
    '',
    '| | wall (s) | of one ffmpeg | CPU of programs (s) | of one ffmpeg |',
    '| - | - | - | - | - |',
    '',
  ].join('\n');
}

export function row(name: string, { wall, cpu }: Cost, bare: Cost | undefined): string {
  const part = (value: number, of: number | undefined): string => (of === undefined ? '' : (value / of).toFixed(2));
  const cells = [name, wall.toFixed(1), part(wall, bare?.wall), cpu.toFixed(1), part(cpu, bare?.cpu)];
  return `| ${cells.join(' | ')} |\n`;
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

export function filmReport(seconds: number, whole: Run, killed: Run | undefined): string {
  const { chunks, playable, memory, events } = whole;
  const perHour = Math.round((events * 3600) / USUAL_SECONDS);
  const lines = [
    `Chunks: ${chunks}, about ${((60 * seconds) / USUAL_SECONDS).toFixed(0)} s of CPU each as planned.`,
    `First playable: ${playable === undefined ? 'not before the end' : `${playable.toFixed(1)} s after the submission`}.`,
    `Memory of both workers without programs: ${mebibytes(memory.early)} MiB at most in the first third of the run, ${mebibytes(memory.late)} MiB in the last.`,
    `Events in the history: ${events}, ${perHour} for an hour of film in chunks of 60 s of CPU.`,
  ];
  if (killed?.lost !== undefined) {
    lines.push(
      `The worker that was killed lost ${killed.lost.toFixed(1)} s of CPU; a chunk costs ${(whole.cpu / whole.chunks).toFixed(1)} s.`,
    );
  }
  return ['', ...lines.map((line) => `- ${line}`), ''].join('\n');
}

export function scaleReport(runs: Map<number, Run>): string {
  const one = runs.get(1);
  const rows = [...runs].map(([workers, { encoding, chunks, wall }]) => {
    const speedUp = (one?.encoding ?? NaN) / encoding;
    const cells = [workers, chunks, wall.toFixed(1), encoding.toFixed(1), speedUp.toFixed(2)];
    return `| ${[...cells, (speedUp / workers).toFixed(2)].join(' | ')} |`;
  });
  return [
    '',
    `Chunks whose encoder sleeps for ${SLEEP} s; speed-up of the time from the first chunk's start to the last one's end:`,
    '',
    '| workers | chunks | wall (s) | chunks (s) | speed-up | for each worker |',
    '| - | - | - | - | - | - |',
    ...rows,
    '',
  ].join('\n');
}
