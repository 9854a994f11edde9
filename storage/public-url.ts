import type { Config } from '../common/config';
import { Places } from './places';

/** The item whose file it is. */
interface Published {
  batchId: string;
  itemKey: string;
  /** URI of its folder. */
  output: string;
}

const HAS_PLACE = /\{(job|path)\}/;

/**
 * Where the public finds a file of an item, by DARKROOM_PUBLIC_URL. A plain address stands for the folder of all outputs; one
 * with `{job}` and `{path}` is filled in, so that it may lead to the API.
 * @param path of the file below the item's folder
 * @returns undefined: there is no such address, or it stands for a folder that the item does not lie in
 */
export function publicUrl(
  config: Pick<Config, 'publicUrl' | 'home' | 'outputDefault' | 'uploads'>,
  { batchId, itemKey, output }: Published,
  path: string,
): string | undefined {
  const base = config.publicUrl;
  if (base === undefined) return undefined;
  const escaped = escape(path);
  if (HAS_PLACE.test(base)) return base.replace('{job}', `${batchId}~${itemKey}`).replace('{path}', () => escaped);
  const root = `${new Places(config).outputs}/`;
  if (!output.startsWith(root)) return undefined;
  const folder = output.slice(root.length);
  // The path of a file: URI is escaped already; a key of S3 is not.
  return `${base.replace(/\/+$/, '')}/${/^file:/i.test(root) ? folder : escape(folder)}/${escaped}`;
}

function escape(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
