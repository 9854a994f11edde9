import os from 'node:os';
import { Redis } from 'ioredis';
import type { DeadLetter, JobSource, Leftover, Message, QueueUpkeep } from './source';

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
  /** ms after which a message that nobody took over counts as stuck, and a consumer without messages as gone. */
  stuckAfter?: number;
  goneAfter?: number;
  onError?: (error: Error) => void;
}

/** All starters are one group, so that each message goes to one of them. */
const GROUP = 'darkroom';
const COUNT = 10;
/** Attempts to connect before a call fails, about two seconds in all: callers have their own patience. */
const RECONNECTS = 5;
/** Entries in one look of the maintenance. */
const PAGE = 100;
/** Running starters take messages over after a minute. */
const STUCK_MS = 10 * 60_000;
const GONE_MS = 86_400_000;

/** Removes a consumer that has no messages and has not asked for any for so long; removing one loses what it has. */
const REMOVE_CONSUMER = `
for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for at = 1, #fields, 2 do consumer[fields[at]] = fields[at + 1] end
  if consumer.name == ARGV[2] and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
  end
end`;

interface RedisMessage extends Message {
  /** Id of the stream's entry, which differs from the message's after a replay. */
  entry: string;
}

type Entry = [id: string, fields: string[] | null];

/**
 * Jobs from a Redis stream: `XADD darkroom:jobs * job '{"source":"s3://bucket/a.jpg"}'`. Finished messages are deleted,
 * so the stream's length is what is still to be started.
 */
export class RedisSource implements JobSource<RedisMessage>, QueueUpkeep {
  readonly name = 'redis';
  private readonly commands: Redis;
  /** A connection of its own: a read that waits would hold up everything else. */
  private readonly reader: Redis;
  private readonly consumer = `${os.hostname()}-${process.pid}`;
  private ready: Promise<unknown> | undefined;

  constructor(private readonly options: RedisOptions) {
    this.commands = new Redis(options.url, { lazyConnect: true, maxRetriesPerRequest: RECONNECTS });
    this.reader = this.commands.duplicate();
    // Without a listener an error of the connection would end the process; the calls fail by themselves.
    for (const connection of [this.commands, this.reader]) connection.on('error', (error) => options.onError?.(error));
  }

  async receive(signal: AbortSignal): Promise<RedisMessage[]> {
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

  async done({ entry }: RedisMessage): Promise<void> {
    const { stream } = this.options;
    await this.commands.multi().xack(stream, GROUP, entry).xdel(stream, entry).exec();
  }

  async aside({ id, entry, body }: RedisMessage, reason: string): Promise<void> {
    const { stream } = this.options;
    const dead = this.commands.multi().xadd(this.dead, '*', 'id', id, 'job', body, 'reason', reason);
    await dead.xack(stream, GROUP, entry).xdel(stream, entry).exec();
  }

  async *deadLetters(): AsyncGenerator<DeadLetter> {
    const [[last] = []] = await this.commands.xrevrange(this.dead, '+', '-', 'COUNT', 1);
    let from = '-';
    for (let page = 1; last !== undefined && page > 0;) {
      const entries = await this.commands.xrange(this.dead, from, last, 'COUNT', PAGE);
      for (const [entry, fields] of entries) yield this.letter(entry, fields);
      from = `(${entries.at(-1)?.[0]}`;
      page = entries.length;
    }
  }

  private letter(entry: string, fields: string[]): DeadLetter {
    const { id = entry, job = '', reason = '' } = toRecord(fields);
    return {
      name: `${id}: ${reason}`,
      bytes: Buffer.byteLength(job),
      replay: async () => {
        const back = this.commands.multi().xadd(this.options.stream, '*', 'job', job, 'id', id);
        await back.xdel(this.dead, entry).exec();
      },
      drop: async () => void (await this.commands.xdel(this.dead, entry)),
    };
  }

  async *leftovers(): AsyncGenerator<Leftover> {
    const { stream, goneAfter = GONE_MS } = this.options;
    const groups = await this.commands.xinfo('GROUPS', stream).catch(noStream);
    if (!(groups as unknown[][]).some((fields) => fields[1] === GROUP)) return;
    yield* this.stuck();
    const consumers = (await this.commands.xinfo('CONSUMERS', stream, GROUP)) as (string | number)[][];
    for (const { name, pending, idle } of consumers.map(toRecord)) {
      if (name === undefined || Number(pending) > 0 || !(Number(idle) >= goneAfter)) continue;
      const args = [GROUP, name, goneAfter];
      const clear = async (): Promise<void> => void (await this.commands.eval(REMOVE_CONSUMER, 1, stream, ...args));
      yield { name: `consumer ${name}`, bytes: 0, clear };
    }
  }

  /** Messages that no starter took over: each is sent again, and where it came too often, put aside. */
  private async *stuck(): AsyncGenerator<Leftover> {
    const { stream, stuckAfter = STUCK_MS, maxDeliveries = 10 } = this.options;
    let from = '-';
    for (let page = 1; page > 0;) {
      const args = ['IDLE', stuckAfter, from, '+', PAGE] as const;
      const pending = (await this.commands.xpending(stream, GROUP, ...args)) as [string, string, number, number][];
      for (const [entry, consumer, , deliveries] of pending) {
        const [message] = toMessages(await this.commands.xrange(stream, entry, entry));
        const clear = async (): Promise<void> => {
          // Nobody else has taken it meanwhile.
          const [claimed] = await this.commands.xclaim(stream, GROUP, this.consumer, stuckAfter, entry, 'JUSTID');
          if (claimed === undefined) return;
          if (message === undefined) await this.commands.xack(stream, GROUP, entry);
          else if (deliveries > maxDeliveries) await this.aside(message, tooOften(deliveries));
          else await this.sendAgain(message);
        };
        const name = `${message?.id ?? entry}: taken by ${consumer} and not finished`;
        yield { name, bytes: Buffer.byteLength(message?.body ?? ''), clear };
      }
      from = `(${pending.at(-1)?.[0]}`;
      page = pending.length;
    }
  }

  private async sendAgain({ id, entry, body }: RedisMessage): Promise<void> {
    const { stream } = this.options;
    const again = this.commands.multi().xadd(stream, '*', 'job', body, 'id', id);
    await again.xack(stream, GROUP, entry).xdel(stream, entry).exec();
  }

  async close(): Promise<void> {
    this.reader.disconnect();
    // Nobody would answer; in order, the answers to what is under way come first.
    if (this.commands.status !== 'ready') this.commands.disconnect();
    else await this.commands.quit().catch(() => this.commands.disconnect());
  }

  private get dead(): string {
    return `${this.options.stream}:dead`;
  }

  /** From the stream's beginning: what was sent before the first starter came is work too. */
  private async createGroup(): Promise<void> {
    await this.commands.xgroup('CREATE', this.options.stream, GROUP, '0', 'MKSTREAM').catch((error: Error) => {
      if (!error.message.startsWith('BUSYGROUP')) throw error;
    });
  }

  /** Messages that a starter took and never finished. */
  private async takeOver(): Promise<RedisMessage[]> {
    const { stream, claimAfter = 60_000, maxDeliveries = 10 } = this.options;
    const claim = await this.commands.xautoclaim(stream, GROUP, this.consumer, claimAfter, '0-0', 'COUNT', COUNT);
    const messages = toMessages(claim[1] as Entry[]);
    const kept = await Promise.all(
      messages.map(async (message) => {
        const [pending] = await this.commands.xpending(stream, GROUP, message.entry, message.entry, 1);
        const deliveries = Number((pending as unknown[] | undefined)?.[3] ?? 0);
        if (deliveries <= maxDeliveries) return message;
        await this.aside(message, tooOften(deliveries));
        return undefined;
      }),
    );
    return kept.filter((message) => message !== undefined);
  }

  private async readNew(): Promise<RedisMessage[]> {
    const { stream, block = 2_000 } = this.options;
    const args = ['COUNT', COUNT, 'BLOCK', block, 'STREAMS', stream, '>'] as const;
    const answer = await this.reader.xreadgroup('GROUP', GROUP, this.consumer, ...args);
    return toMessages(answer?.[0]?.[1] ?? []);
  }
}

/** The job is the field `job`, or whatever the first field holds. A message that was deleted meanwhile has no fields. */
function toMessages(entries: Entry[]): RedisMessage[] {
  return entries.flatMap(([entry, fields]) => {
    if (fields === null) return [];
    const at = fields.findIndex((field, index) => index % 2 === 0 && field === 'job');
    const { id = entry } = toRecord(fields);
    return [{ id: id || entry, entry, body: fields[Math.max(at, 0) + 1] ?? '' }];
  });
}

/** Names and values that stand in turn. */
function toRecord(fields: readonly (string | number)[]): Record<string, string | undefined> {
  const pairs = fields.flatMap((name, index) => (index % 2 === 0 ? [[String(name), String(fields[index + 1])]] : []));
  return Object.fromEntries(pairs) as Record<string, string>;
}

function tooOften(deliveries: number): string {
  return `handed out ${deliveries} times without success`;
}

/** Before the first job there is no stream, and so nothing to keep up. */
function noStream(error: Error): unknown[] {
  if (error.message.includes('no such key')) return [];
  throw error;
}
