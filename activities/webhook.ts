import { createHmac } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { WebhookCall } from '../common/webhooks';
import { DarkroomError } from '../common/errors';
import { Seats } from '../common/seats';
import { tenantWebhookSecret, webhookKey } from '../common/webhook-secret';
import { post } from '../net/post';
import type { ActivityDeps } from './deps';

/** The host says that nobody wants these any more. */
const GONE = 410;

/** Calls at once of this worker: a receiver that never answers takes a place for 15 s at each attempt. */
const toHost = new Seats(Infinity, 8);
const ofTenant = new Seats(Infinity, 16);
/** ms, times the attempt. */
const BUSY_MS = 5_000;

/**
 * The headers of the Standard Webhooks convention: what is signed is `<id>.<timestamp>.<body>`, so that neither can be
 * used with another body or, by a receiver that looks at the time, much later.
 * @param timestamp seconds
 */
export function signatureHeaders(secret: string, id: string, timestamp: number, body: string): Record<string, string> {
  const signature = createHmac('sha256', webhookKey(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  };
}

/**
 * Tells a callbackUrl how a job or a batch ended. Any answer but 2xx is tried again for as long as the workflow says; the id stays the
 * same, so a receiver knows a repetition.
 * @throws ApplicationFailure, not to be retried when the address is not allowed or the receiver says 410
 */
export async function deliverWebhook(deps: ActivityDeps, call: WebhookCall): Promise<void> {
  const { config, logger, metrics } = deps;
  const { info, cancellationSignal: signal } = Context.current();
  const log = logger.child({ workflowId: info.workflowExecution?.workflowId, attempt: info.attempt });
  const failed = (type: string, message: string, nonRetryable: boolean): ApplicationFailure => {
    metrics.darkroom_webhook_deliveries_total.inc({ outcome: nonRetryable ? 'gave_up' : 'retry' });
    log.warn({ host: hostOf(call.url) }, `webhook: ${message}`);
    return ApplicationFailure.create({ type, message, nonRetryable });
  };
  if (config.webhookSecret === undefined) {
    throw failed('InternalError', 'The worker has no DARKROOM_WEBHOOK_SECRET to sign with.', false);
  }
  const body = JSON.stringify(call.event);
  const secret =
    call.tenant === undefined ? config.webhookSecret : tenantWebhookSecret(config.webhookSecret, call.tenant);
  const headers = signatureHeaders(secret, call.id, Math.floor(Date.now() / 1000), body);
  const leave = [toHost.take(hostOf(call.url)), ofTenant.take(call.tenant)];
  const leaveAll = (): void => leave.forEach((each) => each?.());
  if (leave.includes(undefined)) {
    leaveAll();
    throw busy(info.attempt);
  }
  const status = await post(config, call.url, { body, headers, signal })
    .catch((error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof DarkroomError) throw failed(error.type, error.message, true);
      throw failed('SourceUnavailable', 'The host of the callbackUrl could not be reached.', false);
    })
    .finally(leaveAll);
  if (status >= 200 && status < 300) {
    metrics.darkroom_webhook_deliveries_total.inc({ outcome: 'ok' });
    return;
  }
  throw failed('SourceUnavailable', `The host of the callbackUrl answers ${status}.`, status === GONE);
}

/** The call comes later, so that a slot of the worker stays free for others; nothing went wrong yet. */
function busy(attempt: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'SourceUnavailable',
    message: 'Enough calls to this host, or for this tenant, are under way.',
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: Math.round(BUSY_MS * Math.min(attempt, 12) * (1 + Math.random())),
  });
}

/** The rest of the address may be a secret. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'unusable';
}
