import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../common/config';
import type { Named } from './session';
import type { BatchOptions } from './ui/options';

export function samplesFolder(config: Config): string {
  return path.join(config.home, 'samples');
}

/** Folders, buckets and hosts that stand on the command line: naming them there is the permission to use them. */
export function whatIsNamed({ input, output, staging }: BatchOptions): Named {
  const uris = [input.name, output ?? '', staging ?? ''];
  const folders = output?.startsWith('file:') ? [fileURLToPath(output)] : [];
  if (input.folder !== undefined) folders.push(input.folder);
  return {
    folders,
    buckets: uris.flatMap((uri) => /^s3:\/\/([^/]+)/i.exec(uri)?.[1] ?? []),
    hosts: uris.flatMap((uri) => (/^https:/i.test(uri) && URL.canParse(uri) ? new URL(uri).hostname : [])),
  };
}
