import { WorkflowExecutionAlreadyStartedError, type WorkflowClientInterceptor } from '@temporalio/client';
import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import type { WorkItem } from '../common/contracts';
import { openSpan } from '../common/traces/index';
import { failureOf, itemAttributes, TRACE_HEADER, type Carrier } from '../common/traces/names';

/**
 * A span for each start of a workflow, which its run goes on from. An item that somebody waits for belongs to the trace of
 * the request; one of a batch gets a trace of its own, linked to it, since nobody can read a trace of thousands of items.
 */
export const traceStarts: WorkflowClientInterceptor = {
  async startWithDetails(input, next) {
    const [item] = input.options.args as [Partial<WorkItem> | undefined];
    const span = openSpan(`StartWorkflow:${input.workflowType}`, {
      kind: 'producer',
      apart: item?.mode !== 'interactive',
      attributes: { 'temporal.workflow.id': input.options.workflowId, ...itemAttributes(item) },
    });
    try {
      const headers = { ...input.headers, ...headerOf(span.carrier) };
      const started = await span.run(() => next({ ...input, headers }));
      span.set({ 'temporal.run.id': started.runId });
      return started;
    } catch (error) {
      // No failure: the same item was submitted before.
      if (error instanceof WorkflowExecutionAlreadyStartedError) span.set({ 'darkroom.known': true });
      else span.fail(failureOf(error));
      throw error;
    } finally {
      span.end();
    }
  },
};

function headerOf(carrier: Carrier): Headers {
  return { [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
}
