import { isIP } from 'node:net';

/** How the text of an environment variable becomes a value. Each parser throws an Error that says what was expected. */

export type Parser<T> = (text: string) => T;

export const text: Parser<string> = (value) => value;

/** Comma-separated; blanks around and empty entries are dropped. */
export const list: Parser<string[]> = (value) =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

/** A list of `bucket` or `bucket/prefix`. An address such as s3://bucket would be taken for a name that no bucket has. */
export const buckets: Parser<string[]> = (value) =>
  list(value).map((entry) => {
    if (/^[^/:]+(\/[^:]*)?$/.test(entry)) return entry;
    throw new Error(`expected bucket or bucket/prefix without a scheme, got "${entry}"`);
  });

/** A list of host names with or without a port; a scheme or path would match no host. */
export const hosts: Parser<string[]> = (value) =>
  list(value).map((entry) => {
    if (/^(\[[^\]]+\]|[^/:]+)(:\d+)?$/.test(entry)) return entry;
    throw new Error(`expected a host or host:port without a scheme or path, got "${entry}"`);
  });

/** A list of addresses and networks (CIDR). */
export const networks: Parser<string[]> = (value) =>
  list(value).map((entry) => {
    const [, address = '', bits = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
    const version = isIP(address);
    if (version !== 0 && Number(bits) <= (version === 4 ? 32 : 128)) return entry;
    throw new Error(`expected an address or a network such as 203.0.113.0/24 or 2001:db8::/96, got "${entry}"`);
  });

/** `host:port`; IPv6 addresses stand in brackets. */
export const hostAndPort: Parser<string> = (value) => {
  const port = Number(/^(?:\[[^\]]+\]|[^/:@\s]+):(\d{1,5})$/.exec(value)?.[1]);
  if (port >= 1 && port <= 65_535) return value;
  throw new Error(`expected host:port, got "${value}"`);
};

export const bool: Parser<boolean> = (value) => {
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  if (/^(0|false|no|off)$/i.test(value)) return false;
  throw new Error(`expected true or false, got "${value}"`);
};

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Parser<number> {
  return (value) => {
    const number = Number(value);
    if (!Number.isInteger(number) || number < min || number > max) {
      throw new Error(`expected a whole number from ${min} to ${max}, got "${value}"`);
    }
    return number;
  };
}

/** A number from 0 to 1. */
export const fraction: Parser<number> = (value) => {
  const number = Number(value);
  if (!(number >= 0 && number <= 1)) throw new Error(`expected a number from 0 to 1, got "${value}"`);
  return number;
};

export function oneOf<const T extends string>(...options: T[]): Parser<T> {
  return (value) => {
    const found = options.find((option) => option === value);
    if (found === undefined) throw new Error(`expected one of ${options.join(', ')}, got "${value}"`);
    return found;
  };
}

export function listOf<const T extends string>(...options: T[]): Parser<T[]> {
  const one = oneOf(...options);
  return (value) => list(value).map(one);
}

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `30s`, `5m`, `2h`, `7d`; the value is in ms. */
export const duration: Parser<number> = (value) => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
  if (!match) throw new Error(`expected a duration such as 500ms, 30s, 5m, 2h or 7d, got "${value}"`);
  return Number(match[1]) * DURATION_UNITS[match[2] as keyof typeof DURATION_UNITS];
};

const SIZE_UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** `64KiB`, `512MiB`, `4GiB`, or a bare number of bytes; the value is in bytes. */
export const size: Parser<number> = (value) => {
  const match = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB|TiB)?$/.exec(value);
  if (!match) throw new Error(`expected a size such as 64KiB, 512MiB or 4GiB, got "${value}"`);
  return Math.round(Number(match[1]) * SIZE_UNITS[(match[2] ?? 'B') as keyof typeof SIZE_UNITS]);
};

export const url: Parser<string> = (value) => {
  if (!URL.canParse(value)) throw new Error(`expected a URL, got "${value}"`);
  return value;
};

export const httpUrl: Parser<string> = (value) => {
  if (!/^https?:$/.test(URL.canParse(value) ? new URL(value).protocol : '')) {
    throw new Error(`expected a URL that begins with http:// or https://, got "${value}"`);
  }
  return value;
};

/** An http: or https: URL without a query; in its path `{job}` and `{path}` may stand, both or neither. */
export const publicAddress: Parser<string> = (value) => {
  const named = ['{job}', '{path}'].filter((name) => value.split(name).length === 2);
  const rest = value.replace('{job}', '').replace('{path}', '');
  if (/[{}?#]/.test(rest) || named.length === 1) {
    throw new Error(`expected a URL without a query, with {job} and {path} once each or not at all, got "${value}"`);
  }
  return httpUrl(rest) && value;
};

/** Origins of pages: scheme, host and port, as browsers send them. */
export const origins: Parser<string[]> = (value) =>
  list(value).map((entry) => {
    if (/^https?:$/.test(URL.canParse(entry) ? new URL(entry).protocol : '') && new URL(entry).origin === entry)
      return entry;
    throw new Error(`expected an origin such as https://app.example.com, got "${entry}"`);
  });
