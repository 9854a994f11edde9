import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';

/** What a run was started with: the first event of its history. */
export async function inputOf<Input = WorkItem>(client: Client, workflowId: string, runId: string): Promise<Input> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const [input] = await decodedPayloads<Input>(client, payloads);
  if (input === undefined) throw new DarkroomError('InvalidJob', `The input of ${workflowId} is not known any more.`);
  return input;
}

/** What the server has of a value, by the client's codecs and converter; empty where it has nothing. */
export async function decodedPayloads<Value>(client: Client, payloads: Payload[]): Promise<Value[]> {
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  let decoded = payloads;
  for (const codec of payloadCodecs) decoded = await codec.decode(decoded);
  return decoded.map((payload) => payloadConverter.fromPayload<Value>(payload));
}
