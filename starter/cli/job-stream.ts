import type http from 'node:http';
import type { MediaJob } from '../../common/contracts';
import { retrying } from '../core/lib/grpc';
import { sleepUnlessAborted } from '../core/lib/sleep';
import type { Submitted } from '../core/submit';
import { readLines } from '../inputs/lines';
import { ApiRefusal, type ApiClient, type Problem } from './api-client';

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
  request: http.ClientRequest;
  unanswered: Map<number, Sent>;
  lines: number;
  ended: boolean;
  heard: Promise<void>;
}

/** Lines of one request; the service compares a limited number of jobs with each other. */
const MAX_LINES = 500_000;
const LONGEST_WAIT_MS = 5_000;

/**
 * Submits jobs over one NDJSON request, and over another one when that breaks: what was not answered is sent again, which is
 * safe, since an item submitted twice is one run.
 */
export class JobStream {
  private current: Promise<Connection> | undefined;
  /** Connections in a row that brought no answer. */
  private fruitless = 0;

  constructor(
    private readonly api: ApiClient,
    private readonly settings: BatchSettings,
    private readonly signal: AbortSignal,
    /** Called with the batch's id as the service calls it, for every request. */
    private readonly onBatch: (id: string) => void,
  ) {}

  /** @throws ApiRefusal when the service refuses this job, or (status 0) the whole batch */
  submit(job: MediaJob): Promise<LineAnswer> {
    return new Promise((resolve, reject) => this.send({ job, resolve, reject }));
  }

  /** Ends the request, so that the service knows that the batch is whole. */
  async close(): Promise<void> {
    const connection = await this.current;
    connection?.request.end();
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
    connection.request.write(`${JSON.stringify(sent.job)}\n`);
    if (line < MAX_LINES) return;
    this.current = undefined;
    connection.request.end();
  }

  private async connect(): Promise<Connection> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(this.settings)) if (value !== undefined) query.set(name, String(value));
    const route = `/v1/batches?${query.toString()}`;
    try {
      const wait = Math.min(100 * 2 ** this.fruitless, LONGEST_WAIT_MS);
      if (this.fruitless++ > 0) await sleepUnlessAborted(wait, this.signal);
      return await retrying(async () => {
        const request = this.api.open('POST', route, { 'content-type': 'application/x-ndjson' });
        request.flushHeaders();
        const response = await this.api.respond(request);
        const connection = { request, unanswered: new Map<number, Sent>(), lines: 0, ended: false };
        return Object.assign(connection, { heard: this.hear(connection, response) });
      }, this.api.patience);
    } catch (error) {
      this.current = undefined;
      throw error instanceof ApiRefusal ? ofBatch(error) : error;
    }
  }

  /** Hands the answers out, and at the end sends again what was not answered. Never throws. */
  private async hear(connection: Omit<Connection, 'heard'>, response: http.IncomingMessage): Promise<void> {
    let fatal: unknown;
    try {
      for await (const { text } of readLines(response)) {
        const answer = JSON.parse(text ?? '') as LineAnswer & { batch?: string; line?: number; error?: Problem };
        if (answer.batch !== undefined) this.onBatch(answer.batch);
        if (answer.line !== undefined) this.settle(connection, answer.line, answer);
        else if (answer.error !== undefined) {
          const refusal = ApiRefusal.from(answer.error, 'The service broke off.');
          if (!refusal.passes) fatal = ofBatch(refusal);
        }
      }
    } catch {
      // The connection broke; what is not answered is sent again.
    }
    connection.request.destroy();
    connection.ended = true;
    const current = await this.current?.catch(() => undefined);
    if (current === connection) this.current = undefined;
    for (const sent of connection.unanswered.values()) {
      if (this.signal.aborted) sent.reject(this.signal.reason);
      else if (fatal !== undefined) sent.reject(fatal);
      else this.send(sent);
    }
  }

  private settle(
    { unanswered }: Pick<Connection, 'unanswered'>,
    line: number,
    answer: LineAnswer & { error?: Problem },
  ): void {
    const sent = unanswered.get(line);
    if (sent === undefined) return;
    unanswered.delete(line);
    this.fruitless = 0;
    if (answer.error === undefined) return sent.resolve(answer);
    const refusal = ApiRefusal.from(answer.error, 'The service refused the job.');
    if (refusal.passes) this.send(sent);
    else sent.reject(refusal);
  }
}

/** A refusal that is not about a single job. */
function ofBatch({ message, code }: ApiRefusal): ApiRefusal {
  return new ApiRefusal(message, 0, code);
}
