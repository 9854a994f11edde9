import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../paths';
import { buckets, hosts, list, networks, oneOf, publicAddress, text } from './parse';
import { optional, variable } from './variable';

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(path.join(projectRoot(), 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** Product and version. */
const USER_AGENT = `darkroom/${packageVersion()}`;

/** What may be read and written, and under which names: a part of the table in variables.ts. */
export const REACH_VARIABLES = {
  // What may be read and written
  allowedRoots: variable(
    'DARKROOM_ALLOWED_ROOTS',
    list,
    '',
    'folders that file: URIs may lie in, comma-separated; unset: DARKROOM_HOME, with DARKROOM_API_KEYS its outputs only',
  ),
  allowedRootsFile: optional(
    'DARKROOM_ALLOWED_ROOTS_FILE',
    text,
    'file with more such folders, one a line, read again when it changes (the commands use it on one machine)',
  ),
  allowedBuckets: variable(
    'DARKROOM_ALLOWED_BUCKETS',
    buckets,
    '',
    'buckets that s3: URIs may name, comma-separated; bucket/prefix narrows it',
  ),
  userAgent: variable(
    'DARKROOM_USER_AGENT',
    text,
    USER_AGENT,
    'what requests for https: sources and webhooks call themselves; add a contact, which some hosts want: darkroom/1.0 (+https://example.com/contact)',
  ),
  allowedHosts: variable(
    'DARKROOM_ALLOWED_HOSTS',
    hosts,
    '',
    'hosts that https: sources may name, comma-separated; *.example.com allows subdomains',
  ),
  privateHosts: variable(
    'DARKROOM_PRIVATE_HOSTS',
    hosts,
    '',
    'host:port entries that may resolve to private addresses and use plain http (for tests and stores inside of a cluster)',
  ),
  itemNames: variable(
    'DARKROOM_ITEM_NAMES',
    oneOf('readable', 'hashed'),
    'readable',
    "hashed: the ids of items, and with them the folders of their outputs, tell nothing of files' names; changing it makes other items of the same sources",
  ),
  deniedNetworks: variable(
    'DARKROOM_DENIED_NETWORKS',
    networks,
    '',
    'addresses and networks (203.0.113.0/24) that no source and no callback may lead to beside those that are not public, such as the prefix of a NAT64 of your own',
  ),
  outputDefault: optional('DARKROOM_OUTPUT', text, 'URI prefix for outputs where a job names none'),
  publicUrl: optional(
    'DARKROOM_PUBLIC_URL',
    publicAddress,
    'where the public finds outputs (worker): the address that stands for DARKROOM_OUTPUT, such as that of a CDN, or one with {job} and {path} in it; manifests and webhooks then hold the URL of each file',
  ),
} as const;
