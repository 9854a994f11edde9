import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';
import type { JobSource, Message } from './consume';

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

/**
 * Jobs from an SQS queue: the body is the JSON of a job. A message that could not be started comes again after the
 * queue's visibility timeout; its redrive policy bounds how often. Credentials by the AWS SDK's own chain.
 */
export class SqsSource implements JobSource<SqsMessage> {
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
    });
    const { Messages = [] } = await this.client.send(command, { abortSignal: signal });
    return Messages.map(({ MessageId = '', Body = '', ReceiptHandle = '' }) => ({
      id: MessageId,
      body: Body,
      receipt: ReceiptHandle,
    }));
  }

  async done({ receipt }: SqsMessage): Promise<void> {
    await this.client.send(new DeleteMessageCommand({ QueueUrl: this.options.url, ReceiptHandle: receipt }));
  }

  /** In this order: a crash between the two leaves the message in both queues and loses nothing. */
  async aside(message: SqsMessage, reason: string): Promise<void> {
    const attributes = { id: message.id, reason: reason.slice(0, MAX_REASON) };
    await this.client.send(
      new SendMessageCommand({
        QueueUrl: this.options.deadUrl,
        // SQS takes no empty body.
        MessageBody: message.body || '(empty)',
        MessageAttributes: Object.fromEntries(
          Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
        ),
      }),
    );
    await this.done(message);
  }

  close(): Promise<void> {
    this.client.destroy();
    return Promise.resolve();
  }
}
