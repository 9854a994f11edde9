import type { Config } from '../../../common/config';
import { hosts, size } from '../../../common/config/parse';
import type { Priority } from '../../../common/contracts';
import { MAX_PIXELS } from '../../../media/presets';
import { TokenBucket } from './bucket';

/** What a caller may do. Buckets are of the key and of this process; an absent one is no limit. */
export interface Rights {
  /** May decode payloads (`/codec`) and read the metrics of all tenants. */
  operator: boolean;
  /** The best priority that its jobs may have. */
  priority: Priority;
  /** Share of its tenant's jobs among those that wait; 1 where entries say nothing. */
  weight?: number;
  /** Jobs of its tenant that may be open. */
  maxOpen: number;
  /** px that the renditions of a job's own preset or options may ask for in all; absent: what holds for everybody. */
  maxPixels?: number;
  /** Of the hosts that may be called back, those that its jobs may name; absent: all of them. */
  callbackHosts?: string[];
  jobs?: TokenBucket;
  /** Jobs that all keys of its tenant may send in a minute, over all API servers; absent where one of them has no limit. */
  tenantRate?: number;
  reads?: TokenBucket;
  /** Bytes. */
  uploads?: TokenBucket;
}

/** Of callers who are not strangers: on this machine without keys, or by a queue. */
export const ALL_RIGHTS: Rights = { operator: true, priority: 1, maxOpen: Infinity };

/** An entry of DARKROOM_API_KEYS. */
export interface Key extends Rights {
  name: string;
  tenant: string;
  sha256: Buffer;
}

/** The limits of keys whose entries say nothing else. */
export type KeyDefaults = Pick<Config, 'readsPerMinute' | 'uploadsPerDay' | 'maxOpen'>;

const MINUTES_A_DAY = 24 * 60;
/** Single jobs have 2: nobody goes before those who wait, unless an entry says so. */
const BEST_PRIORITY: Priority = 2;

/** Tenants are folders, and some volumes take two cases of a name for one. */
const ENTRY = /^([\w.-]{1,64}):([a-z0-9][a-z0-9_-]{0,31}):(\d{1,9}):(?:(.+):)?([0-9a-fA-F]{64})$/;
const SHAPE = 'name:tenant:jobsPerMinute:sha256 in hex, the tenant in lower case, rate 0 for none';
const OPTIONS =
  'the options operator, priority=1 to 5, weight=0.01 to 100, open=jobs, uploads=10GiB a day, callbacks=host+host, pixels=1 to 400 million';

/**
 * @param text comma- or line-separated `name:tenant:jobsPerMinute[:option…]:sha256`
 * @throws Error that names the entry by its number; a hash is never in it
 */
export function parseKeys(text: string, defaults: KeyDefaults): Key[] {
  const entries = text.split(/[,\n]/).map((entry) => entry.trim());
  const keys = entries.filter((entry) => entry !== '').map((entry, index) => parseKey(entry, index + 1, defaults));
  return keys.map((key) => ({ ...key, tenantRate: rateOf(keys.filter(({ tenant }) => tenant === key.tenant)) }));
}

/** Jobs a minute of these keys together; undefined where one of them may send any number. */
function rateOf(keys: Key[]): number | undefined {
  if (keys.some(({ jobs }) => jobs === undefined)) return undefined;
  return keys.reduce((sum, { jobs }) => sum + (jobs?.perMinute ?? 0), 0);
}

function parseKey(entry: string, number: number, defaults: KeyDefaults): Key {
  const [, name, tenant, rate, options, sha256] = ENTRY.exec(entry) ?? [];
  const wrong = (expected: string): Error =>
    new Error(`DARKROOM_API_KEYS: entry ${number} is wrong; expected ${expected}`);
  if (name === undefined || tenant === undefined || rate === undefined || sha256 === undefined) throw wrong(SHAPE);
  const rights: Rights = {
    operator: false,
    priority: BEST_PRIORITY,
    maxOpen: defaults.maxOpen || Infinity,
    jobs: bucket(Number(rate)),
    reads: bucket(defaults.readsPerMinute),
    uploads: bucket(defaults.uploadsPerDay / MINUTES_A_DAY, MINUTES_A_DAY),
  };
  for (const option of options?.split(':') ?? []) {
    const [word = '', value = ''] = option.split('=');
    if (word === 'operator' && value === '') rights.operator = true;
    else if (word === 'priority' && /^[1-5]$/.test(value)) rights.priority = Number(value) as Priority;
    else if (word === 'weight' && isWeight(value)) rights.weight = Number(value);
    else if (word === 'open' && /^[1-9]\d{0,8}$/.test(value)) rights.maxOpen = Number(value);
    else if (word === 'pixels' && isMillions(value)) rights.maxPixels = Number(value) * 1e6;
    else if (word === 'callbacks' && value !== '') rights.callbackHosts = hosts(value.replaceAll('+', ','));
    else if (word === 'uploads' && /^[1-9]\d*(B|KiB|MiB|GiB|TiB)$/.test(value)) {
      rights.uploads = bucket(size(value) / MINUTES_A_DAY, MINUTES_A_DAY);
    } else throw wrong(OPTIONS);
  }
  return { name, tenant, sha256: Buffer.from(sha256, 'hex'), ...rights };
}

/** Millions of px, no more than any job may ask for. */
function isMillions(text: string): boolean {
  return /^[1-9]\d{0,2}$/.test(text) && Number(text) * 1e6 <= MAX_PIXELS;
}

function isWeight(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3})?$/.test(text) && Number(text) >= 0.01 && Number(text) <= 100;
}

/** @param minutes whose worth may be used at once */
function bucket(perMinute: number, minutes = 1): TokenBucket | undefined {
  return perMinute === 0 ? undefined : new TokenBucket(perMinute, perMinute * minutes);
}
