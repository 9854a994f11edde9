import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { DarkroomError } from '../../../common/errors';
import {
  countBatch,
  countSmall,
  countUnretried,
  type BatchCounts,
  type SmallBatch,
} from '../../../temporal/batches/count';
import { filterQuery, type RunFilter } from '../../../temporal/batches/filter';
import { batchQuery, quoted } from '../../../temporal/batches/query';
import { attribute, pageOfRuns, readPlace, stateOf, writePlace, type Run } from '../../../temporal/batches/runs';
import { forEachBounded } from '../../../common/for-each-bounded';

/** A line of a list of batches. */
export interface BatchLine {
  id: string;
  items: number;
  open: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** ISO 8601. Of its newest run, of those that the list is narrowed to: when it began if it is open, else when it ended. */
  lastActivityAt: string;
}

export interface BatchLines {
  batches: BatchLine[];
  /** Opaque; undefined at the end. */
  next?: string;
}

/** Runs read at once while batches are looked for. */
const SCAN = 50;
/** Batches of earlier pages that one call steps over at most; then its page is short. */
const MOST_STEPPED_OVER = 100;
const CONCURRENCY = 10;
/** The last day that ISO 8601 can write with four digits of the year. */
const MAX_TIME_MS = Date.UTC(9999, 11, 31);

/** How far a list has come. In the server's order, open runs stand before ended ones. */
interface Place {
  phase: 'open' | 'ended';
  /** ms since 1970: the last listed batch began (open) or ended then. Undefined: the phase has not begun. */
  at?: number;
  /** Batches that were listed with this very time. */
  ids: string[];
}

interface Found {
  id: string;
  run: Run;
  phase: Place['phase'];
}

/**
 * One page of batches, those with open items first (the newest before), then by their last end.
 *
 * The server groups runs by nothing but status, so batches are found by reading runs from the cursor's time on, without
 * those of batches that are known already. A batch stands where its newest run stands: where a run is not the newest of
 * its batch, an earlier page has the batch. So a page costs a number of calls that depends on `limit`, not on how many
 * batches there are.
 * @throws DarkroomError InvalidJob for a cursor that is none of ours
 */
export async function listBatches(
  client: Client,
  filter: RunFilter,
  limit: number,
  cursor?: string,
): Promise<BatchLines> {
  const start = cursor === undefined ? firstPlace(filter) : placeOf(cursor);
  const { found, place } = await new Search(client, filter, start, cursor === undefined).take(limit);
  const small = await countSmall(
    client,
    found.map(({ id }) => id),
  );
  const batches: (BatchLine | undefined)[] = [];
  await forEachBounded(found.entries(), CONCURRENCY, async ([index, { id, run }]) => {
    const known = small?.get(id);
    if (await isShared(client, id, filter, known)) return;
    batches[index] = lineOf(id, run, known?.counts ?? (await countBig(client, id)));
  });
  return { batches: batches.filter((line) => line !== undefined), next: place && writePlace(place) };
}

/** Jobs of a queue may bring several tenants into one batch. None of them gets its figures, here as where it is asked for. */
async function isShared(client: Client, id: string, { tenant }: RunFilter, known?: SmallBatch): Promise<boolean> {
  if (tenant === undefined) return false;
  if (known !== undefined) return [...known.tenants].some((other) => other !== tenant);
  return (await client.workflow.count(`${batchQuery(id)} AND MediaTenant != ${quoted(tenant)}`)).count > 0;
}

async function countBig(client: Client, id: string): Promise<BatchCounts> {
  const counts = await countBatch(client, id);
  return { ...counts, ...(await countUnretried(client, id, counts)) };
}

function lineOf(id: string, { startTime, closeTime }: Run, counts: BatchCounts): BatchLine {
  const { open, completed: succeeded, failed, cancelled } = counts;
  const lastActivityAt = (closeTime ?? startTime).toISOString();
  return { id, items: open + succeeded + failed + cancelled, open, succeeded, failed, cancelled, lastActivityAt };
}

function firstPlace({ state }: RunFilter): Place {
  return { phase: state === undefined || state === 'open' ? 'open' : 'ended', ids: [] };
}

/** Its checksum is no secret, so its content may be anybody's. */
const placeSchema = z.strictObject({
  phase: z.enum(['open', 'ended']),
  at: z.int().min(0).max(MAX_TIME_MS).optional(),
  ids: z.array(z.string().max(100)).max(1000),
}) satisfies z.ZodType<Place>;

function placeOf(cursor: string): Place {
  const read = placeSchema.safeParse(readPlace(cursor));
  if (read.success) return read.data;
  throw new DarkroomError('InvalidJob', 'The cursor is not one of this list.');
}

/** Reads runs in the server's order and keeps the newest of each batch. */
class Search {
  private readonly found: Found[] = [];
  private readonly known = new Set<string>();
  private steppedOver = 0;

  /** @param isFirst nothing was listed before, so that each batch is new */
  constructor(
    private readonly client: Client,
    private readonly filter: RunFilter,
    private place: Place,
    private readonly isFirst: boolean,
  ) {
    for (const id of place.ids) this.known.add(id);
  }

  /** @returns the batches, and where the next page begins; no place where nothing is left */
  async take(limit: number): Promise<{ found: Found[]; place: Place | undefined }> {
    for (;;) {
      const { runs, isLast } = await this.read();
      for (const run of runs) {
        const id = attribute(run, 'MediaBatchId');
        if (this.known.has(id)) continue;
        if (this.found.length === limit || this.steppedOver > MOST_STEPPED_OVER) return this.result();
        this.known.add(id);
        this.moveTo(run, id);
        if (this.isFirst || (await this.isNewest(run, id))) this.found.push({ id, run, phase: this.place.phase });
        else this.steppedOver++;
      }
      if (!isLast) continue;
      if (this.place.phase === 'ended' || this.filter.state === 'open') return { found: this.found, place: undefined };
      this.place = { phase: 'ended', ids: [] };
    }
  }

  private result(): { found: Found[]; place: Place } {
    return { found: this.found, place: this.place };
  }

  private async read(): Promise<{ runs: Run[]; isLast: boolean }> {
    const { phase, at } = this.place;
    const conditions = [filterQuery(this.filter), `CloseTime IS ${phase === 'open' ? '' : 'NOT '}NULL`];
    // Times of runs are finer than ours.
    const end = at === undefined ? undefined : quoted(new Date(at + 1).toISOString());
    if (end !== undefined) conditions.push(`${phase === 'open' ? 'StartTime' : 'CloseTime'} < ${end}`);
    const known = [...this.known].map(quoted);
    if (known.length > 0) conditions.push(`MediaBatchId NOT IN (${known.join(', ')})`);
    const { runs, next } = await pageOfRuns(this.client, conditions.join(' AND '), SCAN);
    return { runs, isLast: next === undefined };
  }

  private moveTo({ startTime, closeTime }: Run, id: string): void {
    const at = (this.place.phase === 'open' ? startTime : (closeTime ?? startTime)).getTime();
    const ids = this.place.at === at ? [...this.place.ids, id] : [id];
    this.place = { ...this.place, at, ids };
  }

  /** False: the batch stands further up in the list. */
  private async isNewest(run: Run, id: string): Promise<boolean> {
    const query = `${filterQuery(this.filter)} AND MediaBatchId = ${quoted(id)}`;
    const [newest] = (await pageOfRuns(this.client, query, 1)).runs;
    return (
      newest === undefined || newest.runId === run.runId || (stateOf(run) === 'open' && newest.closeTime !== undefined)
    );
  }
}
