import type { Batch, BatchLine } from '../api';
import { count, duration, moment, UNKNOWN } from '../lib/format';
import { toBatch } from '../lib/route';
import { CountsBar } from '../parts/bits';

export function BatchTable({ batches }: { batches: BatchLine[] }) {
  return (
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
            <th scope="col" class="number">
              Open
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
  );
}

function BatchRow({ batch }: { batch: BatchLine }) {
  return (
    <tr>
      <th scope="row">
        <a class="row-link" href={toBatch(batch.id)}>
          {batch.id}
        </a>
        <small>{moment(batch.lastActivityAt)}</small>
      </th>
      <td class="wide">
        <CountsBar counts={batch} />
      </td>
      <td class="number">
        {count(batch.succeeded)} <small>of {count(batch.items)}</small>
      </td>
      <td class={`number ${batch.failed > 0 ? 'is-bad' : ''}`}>{count(batch.failed)}</td>
      <td class="number">{count(batch.open)}</td>
    </tr>
  );
}

export function timeLeft({ open, paused, etaSeconds }: Batch): string {
  if (open === 0) return UNKNOWN;
  if (paused === open) return 'paused';
  return etaSeconds === undefined ? UNKNOWN : duration(etaSeconds);
}
