import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { Redis } from 'ioredis';
import { RedisSource } from '../../net/job-queues/redis';
import type { JobSource, QueueUpkeep } from '../../net/job-queues/source';
import { SqsSource } from '../../net/job-queues/sqs';
import type { TestService } from './servers';

/** What the tests ask of a real queue, whichever it is. */
export interface Queue {
  send(body: string): Promise<void>;
  /** Messages that are not done. */
  left(): Promise<number>;
  dead(): Promise<{ body: string; reason: string }[]>;
  source(): JobSource & QueueUpkeep;
  /** What names the queue to a worker. */
  env: Record<string, string>;
  close(): Promise<void>;
}

export async function redisQueue({ port }: TestService): Promise<Queue> {
  const url = `redis://127.0.0.1:${port}`;
  const stream = `jobs-${Math.random().toString(36).slice(2)}`;
  const redis = new Redis(url);
  return {
    send: async (body) => void (await redis.xadd(stream, '*', 'job', body)),
    left: () => redis.xlen(stream),
    dead: async () =>
      (await redis.xrange(`${stream}:dead`, '-', '+')).map(([, fields]) => ({ body: fields[3]!, reason: fields[5]! })),
    source: () => new RedisSource({ url, stream, claimAfter: 300, block: 50, stuckAfter: 100, goneAfter: 100 }),
    env: { DARKROOM_JOB_SOURCE: 'redis', DARKROOM_REDIS_URL: url, DARKROOM_REDIS_STREAM: stream },
    close: async () => void (await redis.quit()),
  };
}

export async function sqsQueue({ port }: TestService): Promise<Queue> {
  const client = {
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const sqs = new SQSClient({ region: 'us-east-1', ...client });
  const create = async (name: string) => (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl!;
  const name = Math.random().toString(36).slice(2);
  const [url, deadUrl] = [await create(`${name}-jobs`), await create(`${name}-dead`)];
  const peek = async (QueueUrl: string) =>
    (
      await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          VisibilityTimeout: 0,
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
        }),
      )
    ).Messages ?? [];
  return {
    send: async (body) => void (await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }))),
    left: async () => (await peek(url)).length,
    dead: async () =>
      (await peek(deadUrl)).map(({ Body, MessageAttributes }) => ({
        body: Body!,
        reason: MessageAttributes!['reason']!.StringValue!,
      })),
    env: { DARKROOM_JOB_SOURCE: 'sqs', DARKROOM_SQS_URL: url, DARKROOM_SQS_DEAD_URL: deadUrl, S3_REGION: 'us-east-1' },
    source: () => new SqsSource({ url, deadUrl, region: 'us-east-1', waitSeconds: 1, hiddenSeconds: 1, client }),
    close: async () => sqs.destroy(),
  };
}
