import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { DarkroomApiError, type Darkroom, type Problem } from '../../client';
import type { MediaJob } from '../../common/contracts';
import { sleepUnlessAborted } from '../../common/sleep';
import type { Submitted } from '../core/submit';
import { readLines } from '../inputs/lines';

/** Settings of a whole batch, as the query of `POST /v1/batches`. */
export interface BatchSettings {
  id: string;
  preset?: string;
  output?: string;
  priority?: number;
}

/** What the service answers for a job that it took in. */
export interface LineAnswer {
  /** `<batch>~<item key>` */
  id: string;
  status: Submitted | 'duplicate';
  /** Id of the run that was started or joined. */
  run?: string;
}

/** A job that waits for its answer. */
interface Sent {
  job: MediaJob;
  resolve: (answer: LineAnswer) => void;
  reject: (error: unknown) => void;
}

/** One NDJSON request; lines that are not answered yet by their number. */
interface Connection {
  /** Takes the lines; closed at the end. */
  body: ReadableStreamDefaultController<Uint8Array>;
  stop: AbortController;
  unanswered: Map<number, Sent>;
  lines: number;
  ended: boolean;
  flush?: NodeJS.Timeout;
  heard: Promise<void>;
}

/** Lines of one request; the service compares a limited number of jobs with each other. */
const MAX_LINES = 500_000;
const LONGEST_WAIT_MS = 5_000;
/**
 * ms without any answer after which the request is ended: something on the way, such as nginx with its defaults, wants the
 * whole request first. From then on requests are short.
 */
const SILENCE_MS = 3_000;
const SHORT_MS = 50;

/**
 * Submits jobs over one NDJSON request, and over another one when that breaks: what was not answered is sent again, which is
 * safe, since an item submitted twice is one run.
 */
export class JobStream {
  private current: Promise<Connection> | undefined;
  /** Connections in a row that brought no answer. */
  private fruitless = 0;
  /** ms before the next connection. */
  private pauseMs = 0;
  private silenceMs = SILENCE_MS;

  constructor(
    private readonly api: Darkroom,
    /** Called before another connection is made; an error that it throws ends everything. */
    private readonly onWait: (error: DarkroomApiError) => void,
    private readonly settings: BatchSettings,
    private readonly signal: AbortSignal,
    /** Called with the batch's id as the service calls it, for every request. */
    private readonly onBatch: (id: string) => void,
  ) {}

  /** @throws DarkroomApiError when the service refuses this job, or (status 0) the whole batch */
  submit(job: MediaJob): Promise<LineAnswer> {
    return new Promise((resolve, reject) => this.send({ job, resolve, reject }));
  }

  /** Ends the request, so that the service knows that the batch is whole. */
  async close(): Promise<void> {
    const connection = await this.current;
    if (connection !== undefined) this.finish(connection);
    await connection?.heard;
  }

  private send(sent: Sent): void {
    this.write(sent).catch((error: unknown) => sent.reject(error));
  }

  private async write(sent: Sent): Promise<void> {
    const connection = await (this.current ??= this.connect());
    if (connection.ended) return this.write(sent);
    const line = ++connection.lines;
    connection.unanswered.set(line, sent);
    connection.body.enqueue(new TextEncoder().encode(`${JSON.stringify(sent.job)}\n`));
    if (line >= MAX_LINES) this.finish(connection);
  }

  /** No further lines for this request; its answers are still heard. */
  private finish(connection: Connection): void {
    if (connection.ended) return;
    connection.ended = true;
    this.current = undefined;
    connection.body.close();
  }

  private async connect(): Promise<Connection> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(this.settings)) if (value !== undefined) query.set(name, String(value));
    if (this.pauseMs > 0) await sleepUnlessAborted(this.pauseMs, this.signal);
    let body!: Connection['body'];
    const lines = new ReadableStream<Uint8Array>({ start: (controller) => void (body = controller) });
    const connection: Connection = {
      ...{ body, stop: new AbortController(), unanswered: new Map(), lines: 0, ended: false, heard: Promise.resolve() },
    };
    connection.flush = setTimeout(() => {
      this.silenceMs = SHORT_MS;
      this.finish(connection);
    }, this.silenceMs);
    connection.heard = this.hear(
      connection,
      this.api.request('POST', `/v1/batches?${query.toString()}`, {
        ...{ body: lines, headers: { 'content-type': 'application/x-ndjson' }, signal: connection.stop.signal },
      }),
    );
    return connection;
  }

  /** Hands the answers out, and at the end sends again what was not answered. Never throws. */
  private async hear(connection: Connection, answering: Promise<Response>): Promise<void> {
    const { unanswered } = connection;
    let fatal: unknown;
    try {
      const { body } = await answering;
      clearTimeout(connection.flush);
      for await (const { text } of readLines(Readable.fromWeb(body as WebStream))) this.take(connection, text ?? '');
      if (unanswered.size > 0) throw new Error('not all lines were answered');
    } catch (error) {
      fatal = this.isFatal(error);
    }
    clearTimeout(connection.flush);
    connection.stop.abort();
    if (!connection.ended) this.current = undefined;
    connection.ended = true;
    this.fruitless = unanswered.size === 0 ? 0 : this.fruitless + 1;
    for (const sent of unanswered.values()) {
      if (fatal === undefined) this.send(sent);
      else sent.reject(fatal);
    }
  }

  /** What ends everything; undefined: another connection may do better, after a pause. */
  private isFatal(error: unknown): unknown {
    if (this.signal.aborted) return this.signal.reason;
    // Cut off in the middle of an answer.
    const refusal = error instanceof DarkroomApiError ? error : new DarkroomApiError(`${this.api.url} broke off`, 0);
    if (!refusal.passes) return new DarkroomApiError(refusal.message, 0, refusal.code);
    try {
      this.onWait(refusal);
    } catch (tooLong) {
      return tooLong;
    }
    const backoff = Math.min(100 * 2 ** this.fruitless, LONGEST_WAIT_MS);
    this.pauseMs = (refusal.retryAfterMs ?? 0) + backoff * (0.5 + Math.random());
    return undefined;
  }

  /** @throws DarkroomApiError for the word with which the service ends the request early */
  private take({ unanswered }: Connection, text: string): void {
    const answer = JSON.parse(text) as LineAnswer & { batch?: string; line?: number; error?: Problem };
    if (answer.batch !== undefined) this.onBatch(answer.batch);
    if (answer.line === undefined) {
      if (answer.error !== undefined) throw refusalOf(answer.error);
      return;
    }
    const sent = unanswered.get(answer.line);
    unanswered.delete(answer.line);
    this.fruitless = 0;
    this.pauseMs = 0;
    if (answer.error === undefined) return sent?.resolve(answer);
    const refusal = refusalOf(answer.error);
    if (refusal.passes && sent !== undefined) this.send(sent);
    else sent?.reject(refusal);
  }
}

function refusalOf(problem: Problem): DarkroomApiError {
  return new DarkroomApiError(problem.detail, problem.status, problem.code, problem);
}
