import dns from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { DarkroomError } from '../common/errors';

/** Global unicast of IPv6 as IANA assigns it; ipaddr.js counts ::/96 and others as unicast too. */
const GLOBAL_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** Networks that are refused beside those that are not public; see the parser `networks`. */
export function blockListOf(networks: readonly string[]): BlockList {
  const denied = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const type = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    denied.addSubnet(address, Number(bits ?? (type === 'ipv4' ? 32 : 128)), type);
  }
  return denied;
}

const NOTHING = new BlockList();

/**
 * True for an address on the public internet. Private, loopback, link-local (with the clouds' metadata services),
 * carrier-grade NAT, unique-local, multicast and reserved ones are not; an IPv6 address that carries an IPv4 one
 * (mapped, NAT64, 6to4) is judged by that.
 * @param denied networks whose addresses are none of them either
 */
export function isPublicAddress(text: string, denied = NOTHING): boolean {
  if (!ipaddr.isValid(text) || denied.check(text, isIP(text) === 4 ? 'ipv4' : 'ipv6')) return false;
  const address = ipaddr.parse(text);
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast';
  switch (address.range()) {
    case 'unicast':
      return address.match(GLOBAL_V6);
    case 'ipv4Mapped':
      return isPublicAddress(address.toIPv4Address().toString(), denied);
    case 'rfc6052':
      // Only the well-known prefix carries its address in the last 32 bits; 64:ff9b:1::/48 is for private use.
      return address.parts[2] === 0 && embedded(address.toByteArray().slice(12), denied);
    case '6to4':
      return embedded(address.toByteArray().slice(2, 6), denied);
    default:
      return false;
  }
}

function embedded(bytes: number[], denied: BlockList): boolean {
  return isPublicAddress(bytes.join('.'), denied);
}

function refusal(host: string): DarkroomError {
  return new DarkroomError(
    'SourceForbidden',
    `${host} leads to a private address, which Darkroom does not read from.`,
    {
      host,
    },
  );
}

/** For hosts that are addresses themselves, since a connection to those never asks `lookup`. @throws SourceForbidden */
export function checkLiteral(host: string, denied = NOTHING): void {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0 && !isPublicAddress(bare, denied)) throw refusal(host);
}

/**
 * A `lookup` for node:net that hands out checked addresses only. The connection goes to the very address that was
 * checked, so a name that changes its mind between check and use (DNS rebinding) gains nothing.
 * One private address among public ones refuses the whole name.
 */
export function publicLookup(denied = NOTHING): LookupFunction {
  return (host, options, callback) => {
    dns.lookup(host, { ...options, all: true }, (error, addresses) => {
      const first = addresses?.[0];
      if (error || first === undefined) return callback(error ?? new Error(`no address for ${host}`), '', 0);
      if (!addresses.every(({ address }) => isPublicAddress(address, denied))) return callback(refusal(host), '', 0);
      if (options.all) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}
