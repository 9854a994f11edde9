import type { SourceFacts } from '../common/contracts';

const DAY = 86_400;
/** Seconds for what does not grow with the source: starting, checking, a store that answers late. */
const LEAST = 600;
/** How much longer than playing a video one step on it may take: a slow preset in 4K on a busy core is far below. */
const TIMES_PLAYING = 30;
/** Bytes a second to and from stores: the slowest that is waited for. */
const SLOWEST_STORE = 2 ** 20;

/**
 * Seconds that one attempt at a step of a video may take, a day at most. What takes longer is not slow but stuck.
 * @param source as probed; without it, a day
 */
export function attemptLimit(source: Pick<SourceFacts, 'bytes' | 'durationSeconds'> | undefined): number {
  if (source?.durationSeconds === undefined) return DAY;
  const transfer = (2 * source.bytes) / SLOWEST_STORE;
  return Math.min(DAY, Math.ceil(LEAST + TIMES_PLAYING * source.durationSeconds + transfer));
}
