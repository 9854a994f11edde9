import http from 'node:http';
import https from 'node:https';
import type { Config } from '../common/config';
import { DarkroomError } from '../common/errors';
import { checkLiteral, publicLookup } from './addresses';
import { HostList } from './hosts';
import { discard } from './request';
import { parseWebUrl } from './url';

/** ms from the name look-up to the answer's headers. */
const ANSWER_MS = 15_000;

const USE = { purpose: 'call back', setting: 'DARKROOM_CALLBACK_HOSTS' };

/**
 * The hosts of callbacks are a list of their own: a host that files are read from may do as it is told by whoever writes to
 * it. A private one has to be in both lists.
 */
function callbackHosts({ callbackHosts: allowedHosts, privateHosts, deniedNetworks }: Config): HostList {
  const both = privateHosts.filter((host) => allowedHosts.includes(host));
  return new HostList({ allowedHosts, privateHosts: both, deniedNetworks }, USE);
}

/**
 * May this address be called?
 * @throws DarkroomError InvalidJob or SourceForbidden
 */
export function checkCallback(config: Config, uri: string): URL {
  if (!/^https?:/i.test(uri)) throw new DarkroomError('InvalidJob', 'A callbackUrl has to begin with https://.');
  const hosts = callbackHosts(config);
  const url = parseWebUrl(uri);
  hosts.check(url, uri);
  if (!hosts.isPrivate(url)) checkLiteral(url.hostname, hosts.denied);
  return url;
}

export interface PostOptions {
  body: string;
  headers: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * Sends a body to a checked address. Redirects are not followed: their targets were not asked for. The connection goes to
 * the address that was checked.
 * @returns the status of the answer; its body is not read
 */
export async function post(config: Config, uri: string, { body, headers, signal }: PostOptions): Promise<number> {
  const url = checkCallback(config, uri);
  const hosts = callbackHosts(config);
  const exempt = hosts.isPrivate(url);
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      agent: false,
      headers: { 'user-agent': config.userAgent, ...headers, 'content-length': String(Buffer.byteLength(body)) },
      signal,
      ...(exempt ? {} : { lookup: publicLookup(hosts.denied) }),
    });
    const late = Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
    const timer = setTimeout(() => request.destroy(late), ANSWER_MS);
    request.once('response', (answer) => {
      discard(answer);
      resolve(answer.statusCode ?? 0);
    });
    request.on('error', reject);
    request.once('close', () => clearTimeout(timer));
    request.end(body);
  });
}
