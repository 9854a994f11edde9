/**
 * The workflow's place in a trace. Always in the bundle: it acts on what the run's header says and nothing else, so that a
 * run goes the same way on a worker with traces and on one without, and needs no random number and no clock of its own.
 */
import {
  proxySinks,
  workflowInfo,
  type Sinks,
  type WorkflowInterceptors,
  type WorkflowInterceptorsFactory,
} from '@temporalio/workflow';
import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import {
  failureOf,
  formatTraceParent,
  isSampled,
  itemAttributes,
  parseTraceParent,
  TRACE_HEADER,
  type Carrier,
  type Failure,
  type TraceParent,
  type WorkflowSpan,
} from '../common/traces/names';

/** Where workflows tell the worker's tracing of their spans; never called during replay. */
export interface TraceSinks extends Sinks {
  traces: { workflowEnded(span: WorkflowSpan): void };
}

const sinks = proxySinks<TraceSinks>();

/** The SDK asks for this export of every interceptor module. */
export const interceptors: WorkflowInterceptorsFactory = (): WorkflowInterceptors => {
  let own: TraceParent | undefined;
  let onward: Headers = {};
  return {
    inbound: [
      {
        execute(input, next) {
          const carrier = carrierIn(input.headers);
          const parent = parseTraceParent(carrier.traceparent);
          if (parent === undefined) return next(input);
          own = { ...parent, spanId: spanIdOf(workflowInfo().runId) };
          const ownCarrier: Carrier = { ...carrier, traceparent: formatTraceParent(own) };
          onward = { [TRACE_HEADER]: defaultPayloadConverter.toPayload(ownCarrier) };
          const ended = (error?: Failure): void => {
            if (isSampled(parent)) tellEnd(carrier, input.args[0], error);
          };
          return next(input).then(
            (result) => {
              ended();
              return result;
            },
            (error: unknown) => {
              ended(failureOf(error));
              throw error;
            },
          );
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next({ ...input, headers: { ...input.headers, ...onward } }),
        startChildWorkflowExecution: (input, next) => next({ ...input, headers: { ...input.headers, ...onward } }),
        getLogAttributes: (input, next) =>
          next(own === undefined ? input : { traceId: own.traceId, spanId: own.spanId, ...input }),
      },
    ],
  };
};

function tellEnd(parent: Carrier, item: unknown, error: Failure | undefined): void {
  const { workflowId, runId, startTime } = workflowInfo();
  sinks.traces.workflowEnded({
    parent,
    id: spanIdOf(runId),
    start: startTime.getTime(),
    end: Date.now(),
    attributes: { 'temporal.workflow.id': workflowId, 'temporal.run.id': runId, ...itemAttributes(item) },
    error,
  });
}

/** The last 16 digits of the run's UUID: known on every worker at any time, and never zero. */
function spanIdOf(runId: string): string {
  return runId.replaceAll('-', '').slice(-16);
}

function carrierIn(headers: Headers): Carrier {
  const payload = headers[TRACE_HEADER];
  return payload === undefined ? {} : defaultPayloadConverter.fromPayload<Carrier>(payload);
}
