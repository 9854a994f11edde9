import {
  ApplicationFailure,
  CancelledFailure,
  TemporalFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { type Client, WorkflowFailedError } from '@temporalio/client';

/** A failure as the person who sent the file reads it. */
export interface ItemFailure {
  source: string;
  /** A row of the error table; or Cancelled, Terminated, TimedOut. */
  type: string;
  message: string;
  /** Of the list that the source stands in, from 1. */
  line?: number;
}

/** Why a closed run failed. The run must be closed: for an open one this waits. */
export async function failureOf(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<Omit<ItemFailure, 'source'>> {
  try {
    await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
    return { type: 'InternalError', message: 'It succeeded.' };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return describeFailure(error.cause);
  }
}

/** The innermost failure that has a type: what wraps it only says where it happened. */
export function describeFailure(cause: unknown): Omit<ItemFailure, 'source'> {
  let at = cause;
  while (at instanceof TemporalFailure && !(at instanceof ApplicationFailure) && at.cause !== undefined) at = at.cause;
  if (at instanceof ApplicationFailure) return { type: at.type ?? 'InternalError', message: at.message };
  if (at instanceof CancelledFailure) return { type: 'Cancelled', message: 'Somebody cancelled it.' };
  if (at instanceof TerminatedFailure) return { type: 'Terminated', message: 'Somebody terminated it in Temporal.' };
  if (at instanceof TimeoutFailure) return { type: 'TimedOut', message: 'It took longer than it may.' };
  return { type: 'InternalError', message: at instanceof Error ? at.message : String(at) };
}
