import { Fragment } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isCampaignId } from '../../../../common/campaign';
import { act, eventsOf, getBatch, type Action, type Batch } from '../api';
import { timeLeft } from '../batches/table';
import { count, milliseconds, perMinute, UNKNOWN } from '../lib/format';
import { useEvents, usePoll } from '../lib/poll';
import { narrow, toBatches, toPreset, type Query } from '../lib/route';
import { useTitle } from '../lib/title';
import { ActionButton, BackLink, CountsBar, Empty, isMissing, Missing, Problem, Stat } from '../parts/bits';
import type { Question } from '../parts/confirm';
import { Icon } from '../parts/icon';
import { PriorityChoice } from '../parts/priority';
import { RemoveButton } from '../parts/remove';
import { DuplicateGroups } from './duplicates';
import { CampaignReport } from './campaign';
import { FilterBar, filterOf, FILTERS, type Filter } from './filter';
import { useItems } from './use-items';
import { Wall } from './wall';

/** More open items than a first look has room for. */
const MANY = 12;

export function BatchPage({ id, query }: { id: string; query: Query }) {
  const chosen = filterOf(query['state']);
  useTitle(id);
  const batch = usePoll(`batch ${id}`, (signal) => getBatch(id, signal), 3000);
  const counts = batch.data;
  // While many are open, the results that land are what one came to see; decided once, so that nothing jumps.
  const first = useRef<{ filter: Filter } | undefined>(undefined);
  if (counts) first.current ??= { filter: counts.open > MANY ? 'succeeded' : undefined };
  const filter = (chosen ?? first.current)?.filter;
  const list = useItems(counts ? id : undefined, filter);
  useEvents(counts && counts.open > 0 ? eventsOf.batch(id) : undefined, batch.refresh);
  // The counts tell when the wall is behind. Whoever has scrolled down is reading, and is left alone.
  const changes = counts && [counts.open, counts.paused, counts.succeeded, counts.failed, counts.cancelled].join();
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
      <BackLink to={toBatches}>Batches</BackLink>
      {isMissing(batch.error) && !batch.data && <Missing what="batch" name={id} />}
      <Problem error={isMissing(batch.error) ? undefined : (batch.error ?? list.error)} since={batch.at} />
      {batch.data && (
        <>
          <Head batch={batch.data} onChanged={refresh} />
          <PresetLinks names={list.items.map(({ preset }) => preset)} />
          {batch.data.succeeded > 1 && <DuplicateGroups key={id} id={id} />}
          {isCampaignId(id) && <CampaignReport id={id} onChanged={refresh} />}
          <FilterBar
            counts={batch.data}
            value={filter}
            onChange={(value) => narrow({ ...query, state: value ?? 'all' })}
          />
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
  const { id, latencyMs, itemsPerSecond, open, paused } = batch;
  const [ranAtPause, setRanAtPause] = useState<number>();
  const run = (action: Action, state?: 'cancelled') => async (): Promise<void> => {
    const { running } = await act('batch', id, action, state);
    setRanAtPause(running);
    onChanged();
  };
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
          {batch.cancelled > 0 && (
            <ActionButton
              icon="retry"
              label={`Retry ${count(batch.cancelled)} cancelled`}
              run={run('retry', 'cancelled')}
            />
          )}
          {batch.open === 0 && batch.items > 0 && (
            <RemoveButton
              on="batch"
              id={id}
              name={id}
              text={`${count(batch.items)} ${batch.items === 1 ? 'item' : 'items'} with all published files (${count(batch.succeeded)} done) and their history are removed. The sources stay. This cannot be undone.`}
              to={toBatches}
            />
          )}
          {batch.open > 0 && (
            <>
              {paused < open ? (
                <ActionButton icon="pause" label="Pause" run={run('pause')} />
              ) : (
                <ActionButton icon="play" label="Resume" run={run('resume')} />
              )}
              <PriorityChoice on="batch" id={id} onChanged={onChanged} />
              <ActionButton icon="stop" label="Cancel" question={aboutToCancel(batch)} run={run('cancel')} />
            </>
          )}
        </div>
      </div>
      <CountsBar counts={batch} />
      {paused > 0 && (
        <p class="notice" role="status">
          <Icon name="pause" /> {pausedText(batch, ranAtPause)}
        </p>
      )}
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

/** @param names of the items that have been read; each is linked once */
function PresetLinks({ names }: { names: string[] }) {
  const known = [...new Set(names)].filter((name) => name !== '').sort();
  // The line is there before its names are, so that nothing below it moves.
  return (
    <p class="facts">
      {known.length > 1 ? 'Presets' : 'Preset'} {known.length === 0 && UNKNOWN}
      {known.map((name, at) => (
        <Fragment key={name}>
          {at > 0 && ', '}
          <a href={toPreset(name)}>{name}</a>
        </Fragment>
      ))}
    </p>
  );
}

/** @param ran items that were running when somebody pressed Pause here */
function pausedText({ open, paused }: Batch, ran?: number): string {
  const which = paused < open ? `${count(paused)} of ${count(open)} open items are paused.` : 'The batch is paused.';
  if (ran === undefined) return which;
  if (ran === 0) return `${which} None of the items was running.`;
  const [were, finish] = ran === 1 ? ['item was', 'finishes its'] : ['items were', 'finish their'];
  return `${which} ${count(ran)} ${were} running when you paused and ${finish} current step.`;
}

/** What a cancellation would stop, and what it would leave. */
function aboutToCancel({ id, open, running, succeeded }: Batch): Question {
  const items = (value: number): string => `${count(value)} ${value === 1 ? 'item' : 'items'}`;
  const runs =
    running === 0 ? 'None of them runs now.' : `About ${count(running)} of them run now and will be stopped.`;
  const done = succeeded === 0 ? '' : ` The ${items(succeeded)} that are done stay.`;
  return {
    title: `Cancel ${items(open)} of ${id}?`,
    text: `${runs}${done} Cancelled items can be retried afterwards.`,
    yes: `Cancel ${items(open)}`,
    no: 'Keep going',
  };
}
