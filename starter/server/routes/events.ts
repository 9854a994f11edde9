import { createHash } from 'node:crypto';
import { z } from 'zod';
import { describeItem } from '../../core/control';
import { batchQuery, quoted } from '../../../temporal/batches/query';
import { latestOnly, pageOfRuns, stateOf, type Run } from '../../../temporal/batches/runs';
import { findBatch, findJob } from '../guard/access';
import { answerBatch, answerItem, answerJob } from '../answers';
import type { App } from '../app-type';
import { failures } from '../http/route-docs';
import * as s from '../http/schemas';
import type { Service } from '../service';
import { EventStream } from '../http/sse';
import { bounded } from '../submit';

/** Runs show up in lists a little after they closed, and not in order: each look reaches back by this much, ms. */
const OVERLAP_MS = 5_000;
const PAGE = 200;
/** Runs that ended while a client was away and that are still sent, the newest ones; each may cost a manifest. */
const MOST_MISSED = 1000;

export function eventRoutes(app: App, service: Service): void {
  const events = { description: 'A stream of events', content: { 'text/event-stream': { schema: z.string() } } };
  const stream = { 200: events, ...failures(401, 404, 503) };

  app.get(
    '/v1/jobs/:id/events',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'Server-sent events: `job` with the whole job whenever it changes; ends with the job',
        params: s.jobParams,
        headers: s.eventHeaders,
        response: { ...stream, 204: z.null().describe('The client has seen the end') } as never,
      },
    },
    async (request, reply) => {
      const { workflowId } = await findJob(service, request.principal, request.params.id);
      let seen = request.headers['last-event-id'];
      const look = async (): Promise<{ id: string; job: object; closed: boolean }> => {
        const run = await describeItem(service.client, workflowId);
        const job = s.jobAnswer.parse(await answerJob(service, run));
        const id = createHash('sha256').update(JSON.stringify(job)).digest('hex').slice(0, 16);
        return { id, job, closed: stateOf(run) !== 'open' };
      };
      const first = await bounded(service, look);
      // Tells a browser not to come again.
      if (first.closed && first.id === seen) return reply.code(204).send();
      return EventStream.run(service, reply, async (events) => {
        const { id, job, closed } = await bounded(service, look);
        if (id !== seen) await events.send('job', id, job);
        seen = id;
        return closed ? 'end' : 'more';
      });
    },
  );

  app.get(
    '/v1/batches/:id/events',
    {
      schema: {
        tags: ['Batches'],
        summary: 'Server-sent events: `batch` with its figures when they change, `item` for each that ends',
        params: s.batchParams,
        headers: s.eventHeaders,
        response: stream as never,
      },
    },
    async (request, reply) => {
      const id = await findBatch(service, request.principal, request.params.id);
      const feed = new Feed(service, id, request.headers['last-event-id']);
      return EventStream.run(service, reply, async (events) => {
        const [figures, ended] = await bounded(service, () =>
          Promise.all([answerBatch(service, id), feed.next()] as const),
        );
        for (const run of ended.reverse()) {
          const item = await bounded(service, () => answerItem(service, run));
          await events.send('item', feed.passed(run), item);
        }
        const text = JSON.stringify(figures);
        if (text !== feed.figures) await events.send('batch', feed.cursor, figures);
        feed.figures = text;
        return 'more';
      });
    },
  );
}

/** The items of a batch as they end. Its place is a time, so that any replica goes on where another one stopped. */
class Feed {
  figures = '';
  private since: Date | undefined;
  private readonly sent = new Map<string, number>();

  /** @param lastEventId of the client's last event: what ended since is sent, with some that it has seen already */
  constructor(
    private readonly service: Service,
    private readonly batchId: string,
    lastEventId: string | undefined,
  ) {
    const since = new Date(lastEventId ?? NaN);
    if (!Number.isNaN(since.getTime())) this.since = since;
  }

  get cursor(): string {
    return (this.since ?? new Date(0)).toISOString();
  }

  /** Moves past a run. @returns the new place */
  passed({ runId, closeTime }: Run): string {
    const time = closeTime?.getTime() ?? 0;
    this.sent.set(runId, time);
    if (this.since === undefined || this.since.getTime() < time) this.since = new Date(time);
    return this.cursor;
  }

  /** Runs that ended and were not sent, newest first. */
  async next(): Promise<Run[]> {
    const { client } = this.service;
    if (this.since === undefined) {
      // A new client asks for the items before by `…/items`: the stream begins now.
      const [newest] = (await pageOfRuns(client, `${batchQuery(this.batchId)} AND ExecutionStatus != "Running"`, 1))
        .runs;
      this.since = newest?.closeTime ?? new Date(0);
      return [];
    }
    const from = new Date(this.since.getTime() - OVERLAP_MS);
    for (const [runId, time] of this.sent) if (time < from.getTime()) this.sent.delete(runId);
    const query = `${batchQuery(this.batchId)} AND CloseTime >= ${quoted(from.toISOString())}`;
    const fresh: Run[] = [];
    let cursor: string | undefined;
    do {
      const { runs, next } = await pageOfRuns(client, query, PAGE, cursor);
      fresh.push(...runs.filter(({ runId }) => !this.sent.has(runId)));
      cursor = next;
    } while (cursor !== undefined && fresh.length < MOST_MISSED);
    return latestOnly(client, batchQuery(this.batchId), fresh);
  }
}
