/** The body of a call to a job's `callbackUrl`. */
export interface JobEvent {
  type: 'job.playable' | 'job.succeeded' | 'job.failed' | 'job.cancelled';
  tenant?: string;
  job: string;
  batch: string;
  source: string;
  metadata?: Record<string, string>;
  result?: Record<string, unknown>;
  /** Of `job.playable`: the stream, which grows until the job has ended; `path` as in the manifest that will come. */
  playable?: { path: string; url?: string; seconds: number };
  error?: { type: string; message: string };
  /** ISO 8601 */
  at: string;
}

/** The body of the call to a batch's `callbackUrl`. */
export interface BatchEvent {
  type: 'batch.ended';
  tenant?: string;
  batch: string;
  items: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** ISO 8601 */
  at: string;
}

/** Seconds by which a call's time may differ from ours: an older one may be a repetition by somebody else. */
const TOLERANCE_SECONDS = 300;

/**
 * Checks the signature of a webhook (Standard Webhooks) and reads it.
 * @param secret DARKROOM_WEBHOOK_SECRET, or with keys what `webhookSecret()` answers
 * @param headers of the request, by their names in lower case
 * @param body as it came, byte by byte: JSON that was parsed and written again has another signature
 * @throws Error where it is not genuine, or too old
 */
export async function readWebhook(
  secret: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
): Promise<JobEvent | BatchEvent> {
  const [id, timestamp, given] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => {
    const value = headers[name];
    if (typeof value !== 'string') throw new Error(`The header ${name} is missing.`);
    return value;
  }) as [string, string, string];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < TOLERANCE_SECONDS)) {
    throw new Error('The time of the webhook is more than five minutes from now.');
  }
  const key = await crypto.subtle.importKey('raw', bytesOf(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'verify',
  ]);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  for (const each of given.split(' ')) {
    if (!each.startsWith('v1,')) continue;
    // Compares in constant time.
    if (await crypto.subtle.verify('HMAC', key, fromBase64(each.slice(3)), signed)) {
      return JSON.parse(body) as JobEvent | BatchEvent;
    }
  }
  throw new Error('The signature of the webhook is wrong.');
}

function bytesOf(secret: string): Uint8Array<ArrayBuffer> {
  return secret.startsWith('whsec_') ? fromBase64(secret.slice('whsec_'.length)) : new TextEncoder().encode(secret);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
