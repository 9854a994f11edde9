import { hkdfSync } from 'node:crypto';

/** `whsec_` and base64, or any text for the bytes that it is. */
export function webhookKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);
}

/**
 * The secret that signs the calls for a tenant: derived from that of the service (HKDF, RFC 5869), so that every replica and
 * worker has the same, nothing is stored, and no tenant can sign for another one.
 */
export function tenantWebhookSecret(secret: string, tenant: string): string {
  const bytes = hkdfSync('sha256', webhookKey(secret), '', `darkroom webhook ${tenant}`, 32);
  return `whsec_${Buffer.from(bytes).toString('base64')}`;
}
