import type { Client } from '@temporalio/client';
import type { WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';

/** What a run was started with: the first event of its history. */
export async function inputOf<Input = WorkItem>(client: Client, workflowId: string, runId: string): Promise<Input> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  let payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  for (const codec of payloadCodecs) payloads = await codec.decode(payloads);
  const [payload] = payloads;
  if (!payload) throw new DarkroomError('InvalidJob', `The input of ${workflowId} is not known any more.`);
  return payloadConverter.fromPayload<Input>(payload);
}
