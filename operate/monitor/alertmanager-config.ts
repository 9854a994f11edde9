import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { projectRoot } from '../../common/paths';

/** The webhook that each receiver calls; one without is told nothing. These URLs are secrets. */
export interface Receivers {
  page?: string;
  ticket?: string;
}

interface AlertmanagerFile {
  receivers: { name: string; webhook_configs?: object[] }[];
}

const BASE = path.join(projectRoot(), 'observability', 'alertmanager', 'alertmanager.yaml');

/** The checkout's routes and inhibitions, with receivers that really tell somebody. */
export function alertmanagerConfig(urls: Receivers): string {
  const file = parse(readFileSync(BASE, 'utf8')) as AlertmanagerFile;
  const receivers = file.receivers.map(({ name }) => {
    const url = urls[name as keyof Receivers];
    return url === undefined ? { name } : { name, webhook_configs: [{ url }] };
  });
  return stringify({ ...file, receivers });
}
