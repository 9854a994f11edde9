import { formatCount, formatRate, formatSeconds } from './format';
import { clock, type Outage } from './outages';

/** One look at a batch. */
export interface Progress {
  done: number;
  failed: number;
  running: number;
  waiting: number;
  paused: number;
  skipped: number;
  /** Items known so far. */
  total: number;
  /** False while the input is still being read. */
  final: boolean;
  itemsPerSecond: number;
  etaSeconds?: number;
  /** What is away and waited for. */
  outage?: Outage;
}

/** `1,234 of 2,000 done, 3 failed, 4 running, 759 waiting, 16/s, 47 s left` */
export function progressText(progress: Progress): string {
  const { done, failed, running, waiting, paused, skipped, total, final, itemsPerSecond, etaSeconds, outage } =
    progress;
  const parts = [
    `${formatCount(done)} of ${formatCount(total)}${final ? '' : '+'} done`,
    `${formatCount(failed)} failed`,
    `${formatCount(running)} running`,
    `${formatCount(waiting)} waiting`,
  ];
  if (paused > 0) parts.push(`${formatCount(paused)} paused`);
  // First, since the end of a long line is cut off.
  if (outage !== undefined) parts.unshift(`waiting for ${outage.what} since ${clock(outage.since)}`);
  if (skipped > 0) parts.push(`${formatCount(skipped)} skipped`);
  parts.push(`${formatRate(itemsPerSecond)}/s`);
  if (final && etaSeconds !== undefined) parts.push(`${formatSeconds(etaSeconds)} left`);
  return parts.join(', ');
}

/** `[█████░░░░░]`, `width` characters in all. */
export function bar(share: number, width: number): string {
  const inner = Math.max(1, width - 2);
  const full = Math.round(Math.min(1, Math.max(0, share)) * inner);
  return `[${'█'.repeat(full)}${'░'.repeat(inner - full)}]`;
}

/** The bar with as much text as fits into a line. */
export function progressLine(progress: Progress, columns: number): string {
  const settled = progress.done + progress.failed;
  const drawn = bar(progress.total === 0 ? 0 : settled / progress.total, Math.min(32, Math.floor(columns / 4)));
  return `${drawn} ${progressText(progress)}`.slice(0, Math.max(10, columns - 1));
}
