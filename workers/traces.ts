import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker';
import { defaultPayloadConverter } from '@temporalio/common';
import { inSpan, openSpan, traceIds } from '../common/traces';
import { itemAttributes, TRACE_HEADER, type Carrier } from '../common/traces/names';
import type { TraceSinks } from '../workflows/traces';

/** A span for each attempt of an activity, a child of its workflow's. */
export const traceActivities: ActivityInterceptorsFactory = ({ info }) => {
  let ids: object = {};
  return {
    inbound: {
      execute(input, next) {
        const header = input.headers[TRACE_HEADER];
        const parent = header === undefined ? {} : defaultPayloadConverter.fromPayload<Carrier>(header);
        const attributes = {
          'temporal.workflow.id': info.workflowExecution?.workflowId,
          'temporal.run.id': info.workflowExecution?.runId,
          'temporal.activity.attempt': info.attempt,
          ...itemAttributes(input.args[0]),
        };
        return inSpan(`RunActivity:${info.activityType}`, { kind: 'consumer', parent, attributes }, () => {
          ids = traceIds();
          return next(input);
        });
      },
    },
    outbound: {
      // What the SDK itself logs of the attempt.
      getLogAttributes: (input, next) => next({ ...ids, ...input }),
    },
  };
};

/** The spans of workflows, which come here whether traces are on or not: the workflow must not know. */
export const traceSinks: InjectedSinks<TraceSinks> = {
  traces: {
    workflowEnded: {
      callDuringReplay: false,
      fn: ({ workflowType }, { parent, id, start, end, attributes, error }) => {
        const span = openSpan(`RunWorkflow:${workflowType}`, { kind: 'consumer', parent, id, start, attributes });
        if (error !== undefined) span.fail(error);
        span.end(end);
      },
    },
  },
};
