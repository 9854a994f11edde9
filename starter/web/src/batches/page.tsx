import { useEffect } from 'preact/hooks';
import { getPipeline, listBatches } from '../api';
import { usePages } from '../lib/pages';
import { usePoll } from '../lib/poll';
import { toAdd, type Query } from '../lib/route';
import { useTitle } from '../lib/title';
import { Empty, Problem } from '../parts/bits';
import { ThroughputChart } from './chart';
import { Maintenance } from './maintenance';
import { listQueryOf, Narrow } from './narrow';
import { Overview } from './overview';
import { BatchTable } from './table';

const REFRESH_MS = 3_000;
/** Batches that one press reads on by. */
const MORE = 20;

/** The start page: how the pipeline does, every batch that the server still knows, and the last maintenance. */
export function BatchesPage({ query, isOperator }: { query: Query; isOperator: boolean }) {
  useTitle('Batches');
  const pipeline = usePoll('pipeline', (signal) => getPipeline(60, signal), 5_000);
  const key = JSON.stringify(query);
  const list = usePages(key, (cursor) => listBatches(listQueryOf(query), cursor), true);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || list.refresh(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [list.refresh]);
  const isNarrowed = Object.keys(query).length > 0;
  return (
    <div class="page">
      <h1 class="hidden">Batches</h1>
      <Problem error={list.error ?? pipeline.error} since={list.error ? list.at : pipeline.at} />
      <Overview pipeline={pipeline.data} />
      <ThroughputChart minutes={pipeline.data?.minutes} />
      <section aria-labelledby="batches-title">
        <div class="head-row">
          <h2 id="batches-title">Batches</h2>
          <Narrow query={query} />
        </div>
        {list.complete && list.items.length === 0 && <NoBatches isNarrowed={isNarrowed} />}
        {list.items.length > 0 && <BatchTable batches={list.items} />}
        {!list.complete && list.items.length > 0 && (
          <button type="button" class="button more" onClick={() => list.need(list.items.length + MORE)}>
            Show more batches
          </button>
        )}
      </section>
      {isOperator && <Maintenance />}
    </div>
  );
}

function NoBatches({ isNarrowed }: { isNarrowed: boolean }) {
  if (isNarrowed) return <Empty title="No batch is like that" />;
  return (
    <Empty title="Nothing here yet">
      <p>
        Drop images or videos anywhere on this page, <a href={toAdd}>choose some</a>, or run{' '}
        <code>npm run start-batch</code>.
      </p>
    </Empty>
  );
}
