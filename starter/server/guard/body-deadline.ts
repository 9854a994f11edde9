import { PassThrough, type Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../http/problems';

/**
 * Bounds the time in which a request's body arrives, from the end of its headers on. A body that somebody reads ends in a
 * Timeout error, so that its sender is answered; after an answer, what still comes is thrown away until the time is up.
 */
export class BodyDeadline {
  private readonly timer: NodeJS.Timeout;
  private body: PassThrough | undefined;

  /** @param ms until the body has to be there */
  constructor(
    private readonly request: FastifyRequest,
    private readonly reply: FastifyReply,
    ms: number,
  ) {
    this.timer = setTimeout(() => this.late(), ms);
    request.raw.once('end', () => this.end()).once('close', () => this.end());
  }

  /** The body may take as long as it comes. */
  end(): void {
    clearTimeout(this.timer);
  }

  /** The same bytes as `payload`, which fail when the time is up. */
  limit(payload: Readable): Readable {
    const body = new PassThrough();
    // A body that is refused by its length has no reader.
    body.on('error', () => undefined);
    payload.once('error', (error) => body.destroy(error));
    this.body = body;
    return payload.pipe(body);
  }

  private late(): void {
    const { raw } = this.request;
    if (raw.complete) return;
    if (this.body === undefined || this.reply.sent) return void raw.destroy();
    void this.reply.header('connection', 'close');
    this.body.destroy(new ApiError('Timeout', 'The body did not arrive in time.'));
  }
}
