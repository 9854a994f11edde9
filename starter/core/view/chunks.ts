import type { ChunkStates } from '../../../common/contracts';

/**
 * States of chunks with what the server knows of those in the queue. Both were asked at almost the same time; where they
 * do not agree on how many there are, the workflow's word stands until the next look.
 * @param pending activities that encode chunks, in the order in which they were put into the queue
 */
export function overlaid(
  { groups, queued = [] }: ChunkStates,
  pending: readonly { started: boolean; attempt: number }[],
): ChunkStates {
  if (pending.length !== queued.length) return { groups };
  const letters = [...groups.map(({ states }) => states).join('')];
  queued.forEach((place, at) => {
    const { started, attempt } = pending[at] ?? { started: false, attempt: 1 };
    if (attempt > 1) letters[place] = 'R';
    else if (!started && letters[place] === 'r') letters[place] = 'w';
  });
  let from = 0;
  return {
    groups: groups.map(({ rungs, states }) => ({
      rungs,
      states: letters.slice(from, (from += states.length)).join(''),
    })),
  };
}
