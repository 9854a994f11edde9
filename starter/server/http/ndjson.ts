import { once } from 'node:events';
import { addAbortSignal, PassThrough, type Readable, type Writable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { emptyTally, takeAll, type Entry, type Taken } from '../../core/intake';
import { jobOrError } from '../../core/job';
import type { Submitted } from '../../core/submit';
import { UsageError } from '../../inputs/usage';
import { readValues } from '../../inputs/values';
import { batchLinks } from '../answers';
import { answerFor } from './failures';
import { ApiError, problem, type Problem } from './problems';
import { MAX_BATCH_BODY } from './schemas';
import type { Service } from '../service';
import { admit, countRefusal, intakeOf, jobIdOf, watchSubmitted, type Settings } from '../submit';

export const NDJSON = 'application/x-ndjson';
const CONCURRENCY = 32;
/** Bytes of a body that is one JSON text, such as an array, rather than lines. */
const MAX_WHOLE = MAX_BATCH_BODY;
/** Silence in both directions after which the connection is given up; waiting for Temporal to come back is shorter. */
const IDLE_MS = 10 * 60_000;
/** ms that a stream may be open in all; what is left goes as another one. */
const LONGEST_MS = 24 * 3_600_000;

const TOO_LONG = problem('Timeout', 'The stream was open for a day; send the rest again.');

/** What is answered for a line: in the order in which they are done, so each has its number. */
type LineAnswer =
  | { line: number; id: string; status: Submitted; run?: string }
  /** The same job as line `of`. */
  | { line: number; id: string; status: 'duplicate'; of?: number }
  | { line: number; error: Problem };

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
  const leave = service.seats.batches.take(request.principal.tenant);
  if (leave === undefined) {
    throw new ApiError('RateLimited', 'Too many streams of jobs are open here.', { retryAfterSeconds: 10 });
  }
  request.bodyDeadline?.end();
  reply.hijack();
  request.raw.socket.setTimeout(IDLE_MS);
  const { raw } = reply;
  raw.writeHead(202, { ...headersOf(reply), 'content-type': NDJSON, connection: 'close' });
  const gone = new AbortController();
  raw.once('close', () => gone.abort(new Error('the client is gone')));
  raw.once('close', leave);
  const late = AbortSignal.timeout(LONGEST_MS);
  const tally = emptyTally();
  const write = writer(raw, gone.signal);
  await write({ batch: settings.batchId, links: batchLinks(settings.batchId) });
  try {
    const signal = AbortSignal.any([gone.signal, service.stopping, late]);
    await takeAll(entriesOf(body, signal), intakeOf(service, request.principal, settings, 'ndjson', signal), {
      ...{ concurrency: CONCURRENCY, tally },
      onTaken: (taken, { place = 0 }) => write(answerLine(service, settings, taken, place)),
    });
    // Not for a stream that broke off: whoever sends it again to its end is told.
    await watchSubmitted(service, settings, tally, signal);
  } catch (error) {
    if (!gone.signal.aborted) await write(late.aborted ? { error: TOO_LONG } : end(service, request, error));
  }
  request.audit = { batch: settings.batchId, ...tally };
  if (!gone.signal.aborted) await write({ summary: tally });
  raw.end();
  return reply;
}

/** What each line asks for. @throws UsageError for a body that is no list of jobs */
async function* entriesOf(body: Readable, signal: AbortSignal): AsyncGenerator<Entry> {
  // The sender may be silent for long, so an abort ends the reading; of a copy, since the body's end would be the
  // connection's, and there is a last word to say.
  const copy = body.pipe(addAbortSignal(signal, new PassThrough()));
  for await (const { line, value, problem } of readValues(copy, 'The body', MAX_WHOLE)) {
    const job = problem === undefined ? jobOrError(value) : new ApiError('BadRequest', problem);
    yield { place: line, name: String(line), job };
  }
}

function answerLine(service: Service, settings: Settings, taken: Taken, line: number): LineAnswer {
  if (taken.status !== 'rejected') {
    const { key, ...answer } = taken;
    return { line, id: jobIdOf(settings, key), ...answer };
  }
  countRefusal(service, taken.error);
  return { line, error: answerFor(taken.error).problem };
}

/** The last word where not all lines were taken: sending them again is safe. */
function end(service: Service, request: FastifyRequest, error: unknown): { error: Problem } {
  if (service.stopping.aborted) return { error: problem('Stopping', 'This server stops; send the rest again.') };
  if (error instanceof UsageError) return { error: problem('BadRequest', `${error.message}.`) };
  countRefusal(service, error);
  request.log.warn({ err: error }, 'NDJSON batch ended early');
  return { error: answerFor(error).problem };
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
