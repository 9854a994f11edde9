import os from 'node:os';
import { Redis } from 'ioredis';
import type { JobSource, Message } from './consume';

export interface RedisOptions {
  /** redis:// or rediss:// */
  url: string;
  /** Name of the stream; dead letters go to `<stream>:dead`. */
  stream: string;
  /** ms after which a message that somebody took and did not finish is taken over. */
  claimAfter?: number;
  /** ms that one look waits for messages. */
  block?: number;
  /** A message that was handed out more often than this is put aside. */
  maxDeliveries?: number;
  onError?: (error: Error) => void;
}

/** All starters are one group, so that each message goes to one of them. */
const GROUP = 'darkroom';
const COUNT = 10;

type Entry = [id: string, fields: string[] | null];

/**
 * Jobs from a Redis stream: `XADD darkroom:jobs * job '{"source":"s3://bucket/a.jpg"}'`. Finished messages are deleted,
 * so the stream's length is what is still to be started.
 */
export class RedisSource implements JobSource {
  readonly name = 'redis';
  private readonly commands: Redis;
  /** A connection of its own: a read that waits would hold up everything else. */
  private readonly reader: Redis;
  private readonly consumer = `${os.hostname()}-${process.pid}`;
  private ready: Promise<unknown> | undefined;

  constructor(private readonly options: RedisOptions) {
    this.commands = new Redis(options.url, { lazyConnect: true });
    this.reader = this.commands.duplicate();
    // Without a listener an error of the connection would end the process; the calls fail by themselves.
    for (const connection of [this.commands, this.reader]) connection.on('error', (error) => options.onError?.(error));
  }

  async receive(signal: AbortSignal): Promise<Message[]> {
    const stop = (): void => this.reader.disconnect();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await (this.ready ??= this.createGroup());
      const left = await this.takeOver();
      return left.length > 0 ? left : await this.readNew();
    } catch (error) {
      if (signal.aborted) return [];
      // The group may be gone with a Redis that lost its memory.
      this.ready = undefined;
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async done({ id }: Message): Promise<void> {
    const { stream } = this.options;
    await this.commands.multi().xack(stream, GROUP, id).xdel(stream, id).exec();
  }

  async aside({ id, body }: Message, reason: string): Promise<void> {
    const { stream } = this.options;
    const dead = this.commands.multi().xadd(`${stream}:dead`, '*', 'id', id, 'job', body, 'reason', reason);
    await dead.xack(stream, GROUP, id).xdel(stream, id).exec();
  }

  async close(): Promise<void> {
    this.reader.disconnect();
    await this.commands.quit().catch(() => this.commands.disconnect());
  }

  /** From the stream's beginning: what was sent before the first starter came is work too. */
  private async createGroup(): Promise<void> {
    await this.commands.xgroup('CREATE', this.options.stream, GROUP, '0', 'MKSTREAM').catch((error: Error) => {
      if (!error.message.startsWith('BUSYGROUP')) throw error;
    });
  }

  /** Messages that a starter took and never finished. */
  private async takeOver(): Promise<Message[]> {
    const { stream, claimAfter = 60_000, maxDeliveries = 10 } = this.options;
    const claim = await this.commands.xautoclaim(stream, GROUP, this.consumer, claimAfter, '0-0', 'COUNT', COUNT);
    const messages = toMessages(claim[1] as Entry[]);
    const kept = await Promise.all(
      messages.map(async (message) => {
        const [pending] = await this.commands.xpending(stream, GROUP, message.id, message.id, 1);
        const deliveries = Number((pending as unknown[] | undefined)?.[3] ?? 0);
        if (deliveries <= maxDeliveries) return message;
        await this.aside(message, `handed out ${deliveries} times without success`);
        return undefined;
      }),
    );
    return kept.filter((message) => message !== undefined);
  }

  private async readNew(): Promise<Message[]> {
    const { stream, block = 2_000 } = this.options;
    const args = ['COUNT', COUNT, 'BLOCK', block, 'STREAMS', stream, '>'] as const;
    const answer = await this.reader.xreadgroup('GROUP', GROUP, this.consumer, ...args);
    return toMessages(answer?.[0]?.[1] ?? []);
  }
}

/** The job is the field `job`, or whatever the first field holds. A message that was deleted meanwhile has no fields. */
function toMessages(entries: Entry[]): Message[] {
  return entries.flatMap(([id, fields]) => {
    if (fields === null) return [];
    const at = fields.findIndex((field, index) => index % 2 === 0 && field === 'job');
    return [{ id, body: fields[Math.max(at, 0) + 1] ?? '' }];
  });
}
