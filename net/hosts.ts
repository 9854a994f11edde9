import type { BlockList } from 'node:net';
import type { Config } from '../common/config';
import { DarkroomError } from '../common/errors';
import { blockListOf } from './addresses';
import { printable } from './url';

/** The web hosts that Darkroom may connect to, from the configuration. */
export class HostList {
  private readonly allowed: string[];
  private readonly privateHosts: Set<string>;
  /** Networks that no host may lead to, though their addresses are public. */
  readonly denied: BlockList;

  /** @param use what the hosts are for, and the variable that lists them: for messages */
  constructor(
    config: Pick<Config, 'allowedHosts' | 'privateHosts' | 'deniedNetworks'>,
    private readonly use = { purpose: 'read from', setting: 'DARKROOM_ALLOWED_HOSTS' },
  ) {
    this.allowed = config.allowedHosts.map((entry) => entry.toLowerCase());
    this.privateHosts = new Set(config.privateHosts.map((entry) => entry.toLowerCase()));
    this.denied = blockListOf(config.deniedNetworks);
  }

  /**
   * Checks scheme, host and port of a URL; every hop of a redirect is checked too.
   * @param uri the URL as the caller wrote it, for messages
   * @throws DarkroomError InvalidJob or SourceForbidden
   */
  check(url: URL, uri: string): void {
    const privateHost = this.isPrivate(url);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && privateHost)) {
      throw new DarkroomError('InvalidJob', `${printable(uri)} cannot be used: only https is allowed.`);
    }
    const host = url.hostname.toLowerCase().replace(/\.$/, '');
    if (privateHost || this.allowed.some((entry) => matches(entry, host, portOf(url)))) return;
    const { purpose, setting } = this.use;
    throw new DarkroomError('SourceForbidden', `${url.host} is not among the hosts that Darkroom may ${purpose}.`, {
      setting,
    });
  }

  /** True for a host:port that may have a private address and use plain http. */
  isPrivate(url: URL): boolean {
    return this.privateHosts.has(`${url.hostname.toLowerCase()}:${portOf(url)}`);
  }
}

function portOf(url: URL): string {
  if (url.port !== '') return url.port;
  return url.protocol === 'https:' ? '443' : '80';
}

/** `example.com` (port 443), `example.com:8443`, `*.example.com` (subdomains), `*` (every public host). */
function matches(entry: string, host: string, port: string): boolean {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(entry);
  if (!match || (match[2] ?? '443') !== port) return false;
  const name = match[1] as string;
  if (name === '*') return true;
  return name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name;
}
