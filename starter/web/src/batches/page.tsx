import { getThroughput, listBatches } from '../api';
import { toAdd } from '../lib/route';
import { usePoll } from '../lib/poll';
import { Empty, Problem } from '../parts/bits';
import { BatchTable } from './table';
import { Overview } from './overview';
import { ThroughputChart } from './chart';

/** The start page: how the pipeline does, and every batch that the server still knows. */
export function BatchesPage() {
  const batches = usePoll('batches', listBatches, 3000);
  const throughput = usePoll('throughput', (signal) => getThroughput(60, signal), 10_000);
  return (
    <div class="page">
      <h1 class="hidden">Batches</h1>
      <Problem error={batches.error} />
      <Overview batches={batches.data ?? []} minutes={throughput.data?.minutes ?? []} />
      <ThroughputChart minutes={throughput.data?.minutes ?? []} />
      {batches.data?.length === 0 && (
        <Empty title="Nothing here yet">
          <p>
            Drop images or videos anywhere on this page, <a href={toAdd}>choose some</a>, or run{' '}
            <code>npm run start-batch</code>.
          </p>
        </Empty>
      )}
      {batches.data !== undefined && batches.data.length > 0 && <BatchTable batches={batches.data} />}
    </div>
  );
}
