import { getPipeline, listBatches } from '../api';
import { toAdd } from '../lib/route';
import { usePoll } from '../lib/poll';
import { useTitle } from '../lib/title';
import { Empty, Problem } from '../parts/bits';
import { BatchTable } from './table';
import { Overview } from './overview';
import { ThroughputChart } from './chart';

/** The start page: how the pipeline does, and every batch that the server still knows. */
export function BatchesPage() {
  useTitle('Batches');
  const batches = usePoll('batches', listBatches, 3000);
  const pipeline = usePoll('pipeline', (signal) => getPipeline(60, signal), 5_000);
  return (
    <div class="page">
      <h1 class="hidden">Batches</h1>
      <Problem error={batches.error ?? pipeline.error} since={(batches.error ? batches : pipeline).at} />
      <Overview pipeline={pipeline.data} />
      <ThroughputChart minutes={pipeline.data?.minutes} />
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
