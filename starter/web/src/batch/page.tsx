import { useEffect, useRef, useState } from 'preact/hooks';
import { act, eventsOf, getBatch, type Action, type Batch } from '../api';
import { timeLeft } from '../batches/table';
import { count, milliseconds, perMinute } from '../lib/format';
import { useEvents, usePoll } from '../lib/poll';
import { toBatches } from '../lib/route';
import { ActionButton, CountsBar, Empty, Problem, Stat } from '../parts/bits';
import { Icon } from '../parts/icon';
import { FilterBar, FILTERS, type Filter } from './filter';
import { useItems } from './use-items';
import { Wall } from './wall';

/** More open items than a first look has room for. */
const MANY = 12;

export function BatchPage({ id }: { id: string }) {
  const [chosen, setFilter] = useState<{ filter: Filter }>();
  const batch = usePoll(`batch ${id}`, (signal) => getBatch(id, signal), 3000);
  const counts = batch.data;
  // While many are open, the results that land are what one came to see; decided once, so that nothing jumps.
  const first = useRef<{ filter: Filter } | undefined>(undefined);
  if (counts) first.current ??= { filter: counts.open > MANY ? 'succeeded' : undefined };
  const filter = (chosen ?? first.current)?.filter;
  const list = useItems(counts ? id : undefined, filter);
  useEvents(counts && counts.open > 0 ? eventsOf.batch(id) : undefined, batch.refresh);
  // The counts tell when the wall is behind. Whoever has scrolled down is reading, and is left alone.
  const changes = counts && [counts.open, counts.succeeded, counts.failed, counts.cancelled].join();
  useEffect(() => {
    if (changes !== undefined && scrollY < 400) list.refresh();
  }, [changes]);
  const refresh = (): void => {
    batch.refresh();
    list.refresh();
  };
  const isMoving = counts !== undefined && counts.open > 0;
  const total = counts ? (FILTERS.find(({ state }) => state === filter)?.of(counts) ?? 0) : 0;
  return (
    <div class="page">
      <a class="back" href={toBatches}>
        <Icon name="back" /> Batches
      </a>
      <Problem error={batch.error ?? list.error} since={batch.at} />
      {batch.data && (
        <>
          <Head batch={batch.data} onChanged={refresh} />
          <FilterBar counts={batch.data} value={filter} onChange={(value) => setFilter({ filter: value })} />
        </>
      )}
      {list.complete && list.items.length === 0 && (
        <Empty
          title={isMoving && filter === 'succeeded' ? 'The first results land here in a moment' : 'None in this state'}
        />
      )}
      <Wall key={filter ?? 'all'} list={list} total={total} onChanged={refresh} />
    </div>
  );
}

function Head({ batch, onChanged }: { batch: Batch; onChanged: () => void }) {
  const { id, latencyMs, itemsPerSecond } = batch;
  const run = (action: Action) => () => act('batch', id, action).then(onChanged);
  return (
    <header class="head">
      <div class="head-row">
        <h1>{id}</h1>
        <div class="actions">
          {batch.failed > 0 && (
            <ActionButton
              kind="primary"
              icon="retry"
              label={`Retry ${count(batch.failed)} failed`}
              run={run('retry')}
            />
          )}
          {batch.open > 0 && (
            <>
              <ActionButton icon="pause" label="Pause" run={run('pause')} />
              <ActionButton icon="play" label="Resume" run={run('resume')} />
              <ActionButton icon="stop" label="Cancel" run={run('cancel')} />
            </>
          )}
        </div>
      </div>
      <CountsBar counts={batch} />
      {batch.unserved.length > 0 && (
        <p class="notice" role="status">
          <Icon name="alert" /> No worker serves the queue for {batch.unserved.join(' and ')}, so its items wait.
        </p>
      )}
      <dl class="stats stats-small">
        <Stat label="Done" value={count(batch.succeeded)} note={`of ${count(batch.items)}`} />
        <Stat label="Rate" value={perMinute(itemsPerSecond)} note="a minute" />
        <Stat label="Left" value={timeLeft(batch)} note={batch.open > 0 ? `${count(batch.open)} open` : undefined} />
        <Stat
          label="Latency"
          value={milliseconds(latencyMs.p50)}
          note={latencyMs.p95 && `95 % within ${milliseconds(latencyMs.p95)}`}
        />
      </dl>
    </header>
  );
}
