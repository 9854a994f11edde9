import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { DarkroomError } from '../../common/errors';
import type { PayloadKey } from '../../common/config/payload-keys';

const { Payload: PayloadMessage } = temporal.api.common.v1;

const CIPHER = 'aes-256-gcm';
/** Bytes: the nonce that GCM is made for, and its whole tag. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What Temporal's own tools call an encrypted payload. */
export const ENCRYPTED = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';

/**
 * Encrypts whole payloads, their metadata included, so that Temporal stores neither a value nor its type. What is stored is
 * nonce, ciphertext and tag; key id and encoding stand beside them in the clear and are authenticated with them.
 * Without keys it encrypts nothing, and says about what others have encrypted which key is missing.
 */
export class EncryptionCodec implements PayloadCodec {
  private readonly keys: Map<string, PayloadKey>;

  /** @param keys the first one encrypts, every one decrypts */
  constructor(keys: readonly PayloadKey[]) {
    this.keys = new Map(keys.map((key) => [key.id, key]));
  }

  /** Async as the interface wants it; the work itself takes microseconds. */
  encode(payloads: Payload[]): Promise<Payload[]> {
    const [first] = this.keys.values();
    return promised(() => (first === undefined ? payloads : payloads.map((payload) => encrypt(payload, first))));
  }

  /**
   * Payloads that are not encrypted pass: those of the time before there were keys.
   * @throws DarkroomError that names the key by its id where it is missing, or where the payload does not fit it
   */
  decode(payloads: Payload[]): Promise<Payload[]> {
    return promised(() => payloads.map((payload) => (isEncrypted(payload) ? this.decrypt(payload) : payload)));
  }

  private decrypt(payload: Payload): Payload {
    const id = textOf(payload.metadata?.[KEY_ID]);
    const key = this.keys.get(id);
    const name = JSON.stringify(id.slice(0, 64));
    if (key === undefined) {
      throw new DarkroomError(
        'InternalError',
        `Encrypted with the key ${name}, which DARKROOM_PAYLOAD_KEYS lacks here.`,
      );
    }
    try {
      return decrypt(payload.data ?? new Uint8Array(), key);
    } catch {
      // What OpenSSL says about it helps nobody.
      const text = `A payload does not fit the key ${name}: it was changed, or the key has another value here.`;
      throw new DarkroomError('InternalError', text);
    }
  }
}

function isEncrypted({ metadata }: Payload): boolean {
  return textOf(metadata?.['encoding']) === ENCRYPTED;
}

function encrypt(payload: Payload, { id, key }: PayloadKey): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(authenticated(id));
  const plain = PayloadMessage.encode(payload).finish();
  const data = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { metadata: { encoding: Buffer.from(ENCRYPTED), [KEY_ID]: Buffer.from(id) }, data };
}

/** @throws whatever says that the bytes are not what was encrypted */
function decrypt(data: Uint8Array, { id, key }: PayloadKey): Payload {
  if (data.length < NONCE_BYTES + TAG_BYTES) throw new RangeError('too short');
  const nonce = data.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(authenticated(id));
  decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
  const plain = [decipher.update(data.subarray(NONCE_BYTES, data.length - TAG_BYTES)), decipher.final()];
  return PayloadMessage.decode(Buffer.concat(plain));
}

function authenticated(id: string): Buffer {
  return Buffer.from(`${ENCRYPTED}:${id}`);
}

function textOf(bytes: Uint8Array | null | undefined): string {
  return bytes ? Buffer.from(bytes).toString('utf8') : '';
}

/** What it throws rejects. */
function promised<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
