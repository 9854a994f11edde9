import type { ConnectionLike } from '@temporalio/client';
import { POOL_NAMES, type Pool } from '../../../common/pools';
import { quoted } from '../../../temporal/batches/query';
import { DEFAULT_KIND, ITEM_WORKFLOWS, KINDS, kindOfWorkflow, type MediaKind } from '../../../common/kinds';
import type { Scope } from './queues';

/** Items looked at one by one. */
export const SAMPLE = 60;
/** Other prefixes that are followed; more hardly are a mistake. */
const MAX_PREFIXES = 5;
/** Nothing open is older: Temporal forgets, and steps end after seven days. */
const OLDEST_MS = 400 * 86_400_000;

const OPEN = `WorkflowType IN (${ITEM_WORKFLOWS.map(quoted).join(', ')}) AND ExecutionStatus = "Running"`;

type Execution = NonNullable<
  Awaited<ReturnType<ConnectionLike['workflowService']['listWorkflowExecutions']>>['executions']
>[number];

export interface OpenItem {
  workflowId: string;
  runId: string;
  /** Its workflow's task queue. */
  queue: string;
  kind: MediaKind;
}

export async function countOpen(scope: Scope, query = OPEN): Promise<number> {
  const { connection, namespace } = scope;
  return Number((await connection.workflowService.countWorkflowExecutions({ namespace, query })).count);
}

/**
 * The items that have been open for the longest, where trouble is found: lists come with the newest first and cannot be
 * turned round, so the moment before which few enough began is searched for.
 */
export async function oldestOpen(scope: Scope, total: number): Promise<OpenItem[]> {
  if (total <= SAMPLE) return list(scope, OPEN, SAMPLE);
  let [near, far] = [Date.now(), Date.now() - OLDEST_MS];
  let query = OPEN;
  while (near - far > 50) {
    const middle = Math.floor((near + far) / 2);
    query = `${OPEN} AND StartTime <= ${quoted(new Date(middle).toISOString())}`;
    const count = await countOpen(scope, query);
    if (count > SAMPLE) near = middle;
    else if (count < SAMPLE / 2) far = middle;
    else break;
  }
  return list(scope, query, SAMPLE);
}

/** Prefixes, besides `known`, that open items were submitted to. */
export async function otherPrefixes(scope: Scope, known: string): Promise<string[]> {
  const found: string[] = [];
  while (found.length < MAX_PREFIXES) {
    const others = [known, ...found].map((prefix) => `TaskQueue != ${quoted(`${prefix}-${POOL_NAMES[0]}`)}`);
    const [item] = await list(scope, [OPEN, ...others].join(' AND '), 1);
    const prefix = item?.queue.replace(/-workflows$/, '');
    if (prefix === undefined || prefix === item?.queue) break;
    found.push(prefix);
  }
  return found;
}

async function list({ connection, namespace }: Scope, query: string, pageSize: number): Promise<OpenItem[]> {
  const { executions } = await connection.workflowService.listWorkflowExecutions({ namespace, query, pageSize });
  return (executions ?? []).map(openItem);
}

function openItem({ execution, taskQueue, type }: Execution): OpenItem {
  return {
    workflowId: execution?.workflowId ?? '',
    runId: execution?.runId ?? '',
    queue: taskQueue ?? '',
    kind: kindOfWorkflow(type?.name) ?? DEFAULT_KIND,
  };
}

/** The pool that an activity of an item belongs to. */
export function poolOf({ kind }: OpenItem): Pool {
  return KINDS[kind].pool;
}
