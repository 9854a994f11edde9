import { once } from 'node:events';
import { addAbortSignal, PassThrough, type Readable, type Writable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { workflowId } from '../../../common/contracts';
import { readLines, type Line } from '../../inputs/lines';
import { parseJob } from '../../core/job';
import { forEachBounded } from '../../core/lib/pool';
import { emptyTally, type Tally } from '../../core/stream';
import type { Principal } from '../guard/auth';
import { batchLinks } from '../answers';
import { lineProblem } from './failures';
import { jobId } from '../guard/ids';
import { ApiError, problem, type Problem } from './problems';
import type { Service } from '../service';
import { admit, countRefusal, prepare, start, watchSubmitted, type Settings } from '../submit';

export const NDJSON = 'application/x-ndjson';
const CONCURRENCY = 32;
/** Silence in both directions after which the connection is given up; waiting for Temporal to come back is shorter. */
const IDLE_MS = 10 * 60_000;

/** What is answered for a line: in the order in which they are done, so each has its number. */
type LineAnswer =
  { line: number; id: string; status: 'started' | 'joined' | 'skipped' } | { line: number; error: Problem };

/**
 * Takes jobs off the request as fast as Temporal takes them, and answers each line when it is submitted. Neither side is
 * buffered: a sender faster than Temporal, or one that does not read its answers, is slowed down by TCP.
 */
export async function answerNdjson(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  settings: Settings,
): Promise<FastifyReply> {
  const body = request.body as Readable | undefined;
  if (body === undefined || typeof body.pipe !== 'function') {
    throw new ApiError('UnsupportedType', `Send application/json or ${NDJSON}.`);
  }
  await admit(service, request.principal, 0);
  reply.hijack();
  request.raw.socket.setTimeout(IDLE_MS);
  const { raw } = reply;
  raw.writeHead(202, { ...headersOf(reply), 'content-type': NDJSON, connection: 'close' });
  const gone = new AbortController();
  raw.once('close', () => gone.abort(new Error('the client is gone')));
  const tally = emptyTally();
  const write = writer(raw, gone.signal);
  await write({ batch: settings.batchId, links: batchLinks(settings.batchId) });
  try {
    const signal = AbortSignal.any([gone.signal, service.stopping]);
    await submitLines(service, request.principal, body, settings, tally, write, signal);
    // Not for a stream that broke off: whoever sends it again to its end is told.
    await watchSubmitted(service, settings, tally, signal);
  } catch (error) {
    if (!gone.signal.aborted) await write(end(service, request, error));
  }
  if (!gone.signal.aborted) await write({ summary: tally });
  raw.end();
  return reply;
}

/** @throws what keeps all further lines from being submitted */
async function submitLines(
  service: Service,
  principal: Principal,
  body: Readable,
  settings: Settings,
  tally: Tally,
  write: (value: object) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  // The sender may be silent for long, so an abort ends the reading; of a copy, since the body's end would be the
  // connection's, and there is a last word to say.
  const lines = readLines(body.pipe(addAbortSignal(signal, new PassThrough())));
  await forEachBounded(
    lines,
    CONCURRENCY,
    async (line) => {
      if (line.text?.trim() === '') return;
      const answer = await submitLine(service, principal, line, settings, signal);
      tally['error' in answer ? 'rejected' : answer.status]++;
      await write(answer);
    },
    signal,
  );
}

async function submitLine(
  service: Service,
  principal: Principal,
  { number: line, text }: Line,
  settings: Settings,
  signal: AbortSignal,
): Promise<LineAnswer> {
  try {
    const job = parseJob(parseJson(text));
    await principal.jobs?.wait(signal);
    const item = await prepare(service, principal, job, settings);
    const status = await start(service, item, 'ndjson', { patient: signal });
    return { line, id: jobId(workflowId(item.batchId, item.itemKey)), status };
  } catch (error) {
    signal.throwIfAborted();
    countRefusal(service, error);
    const { problem: told, fatal } = lineProblem(error);
    if (fatal) throw error;
    return { line, error: told };
  }
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined) throw new ApiError('BadRequest', 'The line is longer than 1 MiB.');
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError('BadRequest', 'The line is not JSON.');
  }
}

/** The last word where not all lines were taken: sending them again is safe. */
function end(service: Service, request: FastifyRequest, error: unknown): { error: Problem } {
  if (service.stopping.aborted) return { error: problem('Stopping', 'This server stops; send the rest again.') };
  request.log.warn({ err: error }, 'NDJSON batch ended early');
  return { error: lineProblem(error).problem };
}

/** Writes lines one after the other, each when there is room for it; none any more once the client is gone. */
function writer(raw: Writable, gone: AbortSignal): (value: object) => Promise<void> {
  let last = Promise.resolve();
  return (value) => {
    last = last.then(async () => {
      if (raw.destroyed || raw.write(`${JSON.stringify(value)}\n`)) return;
      await once(raw, 'drain', { signal: gone }).catch(() => undefined);
    });
    return last;
  };
}

/** What hooks have set so far; a hijacked reply sends nothing by itself. */
export function headersOf(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
}
