import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { Config } from '../../common/config';
import { dataConverterOf, workflowBundleOf } from '../../temporal/encryption';
import { TYPES } from './stuck';

/**
 * Replays recent runs of the namespace with the workflows of this very build: half of them open, half ended.
 * @returns how many there were
 * @throws Error that names the first one that does not fit
 */
export async function replayRecent(client: Client, config: Config, count: number): Promise<number> {
  const options = { workflowBundle: workflowBundleOf(config), dataConverter: dataConverterOf(config) };
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories(client, count))) {
    if (error) throw new Error(`the history of ${workflowId} does not replay on this build: ${error.message}`);
    replayed++;
  }
  return replayed;
}

async function* histories(client: Client, count: number) {
  for (const status of ['=', '!=']) {
    const query = `${TYPES} AND ExecutionStatus ${status} "Running"`;
    let left = Math.ceil(count / 2);
    for await (const { workflowId, runId } of client.workflow.list({ query, pageSize: left })) {
      if (left-- === 0) break;
      yield { workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() };
    }
  }
}
