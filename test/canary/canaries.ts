/** A value for every secret that the configuration knows, and the look for them in whatever came out. */
import { createHash, randomBytes } from 'node:crypto';
import { VARIABLES } from '../../common/config/variables';

export interface Canary {
  /** Name of the variable. */
  env: string;
  /** What the variable is set to. */
  value: string;
  /** What gives the secret away, in any of its usual spellings. */
  marks: string[];
}

/** Secrets of no variable of ours, that libraries look for themselves. */
export const OF_LIBRARIES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];

/** Secrets that must have a form; every other one, and every new one, is the mark itself. */
const FORMS: Record<string, (mark: string) => { value: string; marks: string[] }> = {
  DARKROOM_PAYLOAD_KEYS: (mark) => {
    const bytes = Buffer.from(mark.padEnd(32, '-').slice(0, 32));
    return { value: `2026:${bytes.toString('base64')}`, marks: spellings(bytes) };
  },
  // What is configured is the hash; the key itself is what callers send.
  DARKROOM_API_KEYS: () => ({
    value: `operator:default:0:operator:${sha256(API_KEY)}`,
    marks: spellings(Buffer.from(sha256(API_KEY))),
  }),
  DARKROOM_API_KEY: () => ({ value: API_KEY, marks: spellings(Buffer.from(API_KEY)) }),
  DARKROOM_REDIS_URL: (mark) => ({ value: `redis://worker:${mark}@127.0.0.1:1`, marks: spellings(Buffer.from(mark)) }),
};

const random = () => `cnry${randomBytes(14).toString('hex')}`;
/** What callers of the API send. */
export const API_KEY = random();

/** A new set for each call, but for the key of the API. */
export function canaries(): Canary[] {
  const names = Object.values(VARIABLES)
    .filter(({ secret }) => secret)
    .map(({ env }) => env);
  return [...names, ...OF_LIBRARIES].map((env) => {
    const mark = random();
    const made = FORMS[env]?.(mark) ?? { value: mark, marks: spellings(Buffer.from(mark)) };
    return { env, ...made };
  });
}

/** As text, in base64 (with and without its end, which depends on what follows) and in hex. */
function spellings(bytes: Buffer): string[] {
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  return [
    bytes.toString('latin1'),
    base64.slice(0, -2),
    bytes.toString('base64url').slice(0, -2),
    bytes.toString('hex'),
  ];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Where something was found: `place: NAME` for each. `places` are texts by what they are. */
export function found(set: readonly Canary[], places: ReadonlyMap<string, string>): string[] {
  return [...places].flatMap(([place, text]) =>
    set.filter(({ marks }) => marks.some((mark) => text.includes(mark))).map(({ env }) => `${place}: ${env}`),
  );
}
