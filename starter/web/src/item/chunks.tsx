import type { Job } from '../api';
import { piecesOf, wordsOf } from '../lib/strip';

/** The chunks of a long video while it is encoded: a strip for each group of rungs, and the same in words. */
export function Chunks({ job }: { job: Job }) {
  const groups = job.progress?.chunks?.groups ?? [];
  if (groups.length === 0) return null;
  return (
    <section aria-labelledby="chunks-title">
      <h2 id="chunks-title">Chunks</h2>
      <ul class="chunks">
        {groups.map(({ rungs, states }) => (
          <li key={rungs}>
            <span class="chunks-rungs">{rungs}</span>
            <span class="strip" aria-hidden="true">
              {piecesOf(states).map(({ state, share }, at) => (
                <span key={at} class={`piece piece-${state}`} style={{ flexGrow: share }} />
              ))}
            </span>
            <span class="chunks-words">{wordsOf(states)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
