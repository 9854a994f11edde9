import type { Pool } from '../../../common/pools';

/**
 * Names that a person may have typed for `<prefix>-<pool>`: a letter lost, doubled or swapped with its neighbour, another
 * separator, a plural, capitals, or the default prefix. Few enough to ask the server for each of them; it lists no queues.
 */
export function nearMisses(prefix: string, pool: Pool, defaultPrefix: string): string[] {
  const letters = [...prefix];
  const prefixes = [
    ...letters.map((_, at) => prefix.slice(0, at) + prefix.slice(at + 1)),
    ...letters.map((letter, at) => prefix.slice(0, at) + letter + prefix.slice(at)),
    ...letters.slice(1).map((letter, at) => prefix.slice(0, at) + letter + letters[at] + prefix.slice(at + 2)),
    prefix.toLowerCase(),
    prefix.charAt(0).toUpperCase() + prefix.slice(1),
    prefix.toUpperCase(),
    ...['-', '_', '.'].flatMap((separator) => [prefix.replaceAll(/[-_.]/g, separator), prefix + separator]),
    defaultPrefix,
  ];
  const pools = pool.endsWith('s') ? [pool.slice(0, -1)] : [`${pool}s`];
  const names = [
    ...prefixes.filter((name) => name !== '').map((name) => `${name}-${pool}`),
    ...pools.map((name) => `${prefix}-${name}`),
    ...['_', '.', ''].map((separator) => prefix + separator + pool),
    pool,
    prefix,
  ];
  return [...new Set(names)].filter((name) => name !== `${prefix}-${pool}`);
}
