import {
  isCancellation,
  proxySinks,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
  type Sinks,
} from '@temporalio/workflow';
import { ApplicationFailure } from '@temporalio/common';
import { KIND } from '../common/item-attributes';
import type { ItemResult, Outcome, SubmitMode, WorkItem } from '../common/contracts';
import type { MediaKind } from '../common/kinds';
import { ERRORS, isErrorType } from '../common/errors';
import { announce } from './webhook';

/** Where workflows tell the worker's metrics how an item ended; never called during replay. */
export interface ItemSinks extends Sinks {
  items: { ended(end: { kind: MediaKind; mode: SubmitMode; outcome: Outcome; seconds: number }): void };
}

const sinks = proxySinks<ItemSinks>();

/** Runs the body of an item's workflow and says how it ended: to the metrics, and in the memo that lists show. */
export async function runItem(item: WorkItem, body: (item: WorkItem) => Promise<ItemResult>): Promise<ItemResult> {
  const started = workflowInfo().startTime;
  const end = (outcome: Outcome, kind = item.kind): void =>
    sinks.items.ended({
      kind,
      mode: item.mode ?? 'batch',
      outcome,
      seconds: (Date.now() - started.getTime()) / 1000,
    });
  let result: ItemResult;
  try {
    result = await body({ ...item, requestedAt: started.toISOString() });
  } catch (error) {
    const cancelled = isCancellation(error);
    end(cancelled ? 'cancelled' : blame(error));
    await announce(item, {
      type: cancelled ? 'job.cancelled' : 'job.failed',
      error: cancelled ? undefined : told(error),
    });
    throw error;
  }
  if (result.kind !== undefined) upsertSearchAttributes([{ key: KIND, value: result.kind }]);
  const { bytesIn, bytesOut, cpuSeconds } = result;
  upsertMemo({ bytesIn, bytesOut, ...(cpuSeconds !== undefined && { cpuSeconds }) });
  end('ok', result.kind);
  await announce(item, { type: 'job.succeeded', result });
  return result;
}

/** A failure as the caller reads it. */
function told(error: unknown): { type: string; message: string } {
  const type = (error instanceof ApplicationFailure ? error.type : undefined) ?? 'InternalError';
  return { type, message: error instanceof Error ? error.message : String(error) };
}

function blame(error: unknown): Outcome {
  const type = error instanceof ApplicationFailure ? error.type : undefined;
  return isErrorType(type) && ERRORS[type].blame === 'input' ? 'bad_input' : 'failed';
}
