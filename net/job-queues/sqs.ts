import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type Message as SqsMessageFound,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';
import type { DeadLetter, JobSource, Leftover, Message, QueueUpkeep } from './source';

export interface SqsOptions {
  /** URL of the queue, and of the one for dead letters. */
  url: string;
  deadUrl: string;
  region: string;
  /** s that one look waits for messages, 20 at most. */
  waitSeconds?: number;
  /** s that a message stays hidden from others while its job is started; default: the queue's own. */
  hiddenSeconds?: number;
  client?: SQSClientConfig;
}

interface SqsMessage extends Message {
  /** What this delivery is deleted by. */
  receipt: string;
}

/** Longest reason that is kept with a dead letter. */
const MAX_REASON = 1000;
/** s that a dead letter stays hidden from others while it is looked at. */
const LOOK_SECONDS = 120;

/**
 * Jobs from an SQS queue: the body is the JSON of a job. A message that could not be started comes again after the
 * queue's visibility timeout; its redrive policy bounds how often. Credentials by the AWS SDK's own chain.
 */
export class SqsSource implements JobSource<SqsMessage>, QueueUpkeep {
  readonly name = 'sqs';
  private readonly client: SQSClient;

  constructor(private readonly options: SqsOptions) {
    this.client = new SQSClient({ region: options.region, ...options.client });
  }

  async receive(signal: AbortSignal): Promise<SqsMessage[]> {
    const { url, waitSeconds = 20, hiddenSeconds } = this.options;
    const command = new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: hiddenSeconds,
      MessageAttributeNames: ['id'],
    });
    const { Messages = [] } = await this.client.send(command, { abortSignal: signal });
    return Messages.map((found) => ({ id: idOf(found), body: found.Body ?? '', receipt: found.ReceiptHandle ?? '' }));
  }

  async done({ receipt }: SqsMessage): Promise<void> {
    await this.remove(this.options.url, receipt);
  }

  /** In this order: a crash between the two leaves the message in both queues and loses nothing. */
  async aside({ id, body, receipt }: SqsMessage, reason: string): Promise<void> {
    await this.send(this.options.deadUrl, body, { id, reason: reason.slice(0, MAX_REASON) });
    await this.remove(this.options.url, receipt);
  }

  /** Looking at a message hides it from others for a while; those that stay are shown again at the end. */
  async *deadLetters(): AsyncGenerator<DeadLetter> {
    const begun = Date.now();
    const seen = new Set<string>();
    const kept = new Set<string>();
    try {
      for (let isEnd = false; !isEnd;) {
        const messages = await this.look();
        isEnd = messages.length === 0;
        for (const found of messages) {
          const { MessageId = '', ReceiptHandle: receipt = '', Attributes = {} } = found;
          kept.add(receipt);
          // Shown again, since the look takes long.
          if (seen.has(MessageId)) isEnd = true;
          // Else put aside meanwhile, perhaps after a replay.
          else if (Number(Attributes.SentTimestamp) <= begun) yield this.letter(found, () => kept.delete(receipt));
          seen.add(MessageId);
        }
      }
    } finally {
      for (const receipt of kept) await this.show(receipt);
    }
  }

  private async look(): Promise<SqsMessageFound[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.options.deadUrl,
      MaxNumberOfMessages: 10,
      // Asked without any waiting, SQS looks on some of its servers only.
      WaitTimeSeconds: 1,
      VisibilityTimeout: LOOK_SECONDS,
      MessageAttributeNames: ['id', 'reason'],
      MessageSystemAttributeNames: ['SentTimestamp'],
    });
    return (await this.client.send(command)).Messages ?? [];
  }

  private letter(found: SqsMessageFound, onGone: () => void): DeadLetter {
    const { url, deadUrl } = this.options;
    const { Body = '', ReceiptHandle = '', MessageAttributes } = found;
    const id = idOf(found);
    // SQS itself puts messages aside too, after many deliveries.
    const reason = MessageAttributes?.['reason']?.StringValue ?? 'handed out too often';
    const drop = async (): Promise<void> => {
      await this.remove(deadUrl, ReceiptHandle);
      onGone();
    };
    return {
      name: `${id}: ${reason}`,
      bytes: Buffer.byteLength(Body),
      // In this order: a crash between the two leaves the message in both queues, and the second replay is no second job.
      replay: async () => {
        await this.send(url, Body, { id });
        await drop();
      },
      drop,
    };
  }

  /** None: SQS itself hands out again what is not finished. */
  async *leftovers(): AsyncGenerator<Leftover> {}

  close(): Promise<void> {
    this.client.destroy();
    return Promise.resolve();
  }

  private async send(QueueUrl: string, body: string, attributes: Record<string, string>): Promise<void> {
    const MessageAttributes = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
    );
    // SQS takes no empty body.
    await this.client.send(new SendMessageCommand({ QueueUrl, MessageBody: body || '(empty)', MessageAttributes }));
  }

  private async remove(QueueUrl: string, ReceiptHandle: string): Promise<void> {
    await this.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }

  /** A message that cannot be shown now shows itself after a while. */
  private async show(ReceiptHandle: string): Promise<void> {
    const shown = { QueueUrl: this.options.deadUrl, ReceiptHandle, VisibilityTimeout: 0 };
    await this.client.send(new ChangeMessageVisibilityCommand(shown)).catch(() => undefined);
  }
}

/** A message that was put aside or replayed keeps its id in an attribute. */
function idOf({ MessageId = '', MessageAttributes }: SqsMessageFound): string {
  return MessageAttributes?.['id']?.StringValue ?? MessageId;
}
