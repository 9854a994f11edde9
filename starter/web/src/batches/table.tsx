import type { Batch } from '../api';
import { count, duration, milliseconds, moment, UNKNOWN } from '../lib/format';
import { toBatch } from '../lib/route';
import { CountsBar } from '../parts/bits';

export function BatchTable({ batches }: { batches: Batch[] }) {
  return (
    <section aria-labelledby="batches-title">
      <h2 id="batches-title">Batches</h2>
      <div class="table-frame">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Batch</th>
              <th scope="col" class="wide">
                Progress
              </th>
              <th scope="col" class="number">
                Done
              </th>
              <th scope="col" class="number">
                Failed
              </th>
              <th scope="col" class="number optional">
                Latency
              </th>
              <th scope="col" class="number">
                Left
              </th>
            </tr>
          </thead>
          <tbody>
            {batches.map((batch) => (
              <BatchRow key={batch.id} batch={batch} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function BatchRow({ batch }: { batch: Batch }) {
  return (
    <tr>
      <th scope="row">
        <a class="row-link" href={toBatch(batch.id)}>
          {batch.id}
        </a>
        {batch.lastClosedAt && <small>{moment(batch.lastClosedAt)}</small>}
      </th>
      <td class="wide">
        <CountsBar counts={batch} />
      </td>
      <td class="number">
        {count(batch.succeeded)} <small>of {count(batch.items)}</small>
      </td>
      <td class={`number ${batch.failed > 0 ? 'is-bad' : ''}`}>{count(batch.failed)}</td>
      <td class="number optional">{milliseconds(batch.latencyMs.p50)}</td>
      <td class="number">{timeLeft(batch)}</td>
    </tr>
  );
}

export function timeLeft({ open, etaSeconds }: Batch): string {
  if (open === 0) return UNKNOWN;
  return etaSeconds === undefined ? UNKNOWN : duration(etaSeconds);
}
