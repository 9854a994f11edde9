import type { FastifyReply } from 'fastify';
import { once } from 'node:events';
import { sleepUnlessAborted } from '../../../common/sleep';
import { headersOf } from './ndjson';
import { ApiError } from './problems';
import type { Service } from '../service';

const EVERY_MS = 1_000;
/** Proxies close what is silent for a minute. */
const BEAT_MS = 15_000;
/** ms until a browser connects again by itself. */
const RECONNECT_MS = 2_000;

/** A stream of server-sent events to one client. */
export class EventStream {
  private beatAt = Date.now();
  private readonly gone = new AbortController();
  /** Aborted when the client is gone or this server is about to stop. */
  readonly signal: AbortSignal;

  private constructor(
    private readonly reply: FastifyReply,
    service: Service,
  ) {
    this.signal = AbortSignal.any([this.gone.signal, service.stopping]);
    reply.raw.once('close', () => this.gone.abort(new Error('the client is gone')));
  }

  /**
   * Answers with a stream and calls `look` once a second until it says that nothing more will come, or the client is gone.
   * What goes wrong in one look may be right in the next: Temporal comes back.
   */
  static async run(
    service: Service,
    reply: FastifyReply,
    look: (stream: EventStream) => Promise<'more' | 'end'>,
  ): Promise<FastifyReply> {
    const leave = service.seats.streams.take(reply.request.principal.tenant);
    if (leave === undefined) {
      throw new ApiError('TooManyStreams', 'Too many event streams are open here.', { retryAfterSeconds: 10 });
    }
    const stream = new EventStream(reply, service);
    stream.begin();
    service.metrics.darkroom_event_streams_open.inc();
    try {
      for (;;) {
        const state = await look(stream).catch((error: unknown) => {
          if (!stream.signal.aborted) reply.log.debug({ err: error }, 'event stream: no look');
          return 'more' as const;
        });
        if (state === 'end' || stream.signal.aborted) break;
        await stream.pause();
      }
    } catch (error) {
      if (!stream.signal.aborted) throw error;
    } finally {
      leave();
      service.metrics.darkroom_event_streams_open.dec();
      reply.raw.end();
    }
    return reply;
  }

  /** @param id what the client sends as `Last-Event-ID` when it comes back */
  async send(event: string, id: string, data: unknown): Promise<void> {
    await this.write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  private begin(): void {
    this.reply.hijack();
    this.reply.raw.writeHead(200, {
      ...headersOf(this.reply),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Kept alive after its end, it would hold up this server's stop.
      connection: 'close',
      // nginx would hold events back.
      'x-accel-buffering': 'no',
    });
    this.reply.raw.write(`retry: ${RECONNECT_MS}\n\n`);
  }

  private async pause(): Promise<void> {
    await sleepUnlessAborted(EVERY_MS, this.signal);
    if (Date.now() - this.beatAt > BEAT_MS) await this.write(': still here\n\n');
  }

  private async write(text: string): Promise<void> {
    this.beatAt = Date.now();
    this.signal.throwIfAborted();
    if (!this.reply.raw.write(text)) await once(this.reply.raw, 'drain', { signal: this.signal });
  }
}
