import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../common/config';
import { DarkroomError } from '../common/errors';
import { fileUri, joinUri, parseUri } from './uri';

/** Below the outputs. No tenant's name begins with an underscore. */
const UPLOADS = '_uploads';
const MADE = '_made';

/** Where a URI leads, in a form that is the same for every way of writing it. */
interface Place {
  /** `file:`, or the bucket. */
  volume: string;
  /** Of the folders on the way, and the file. */
  names: string[];
}

/** Where outputs and uploads lie, and the fences between tenants there. */
export class Places {
  /** URI prefixes without a slash at their end. */
  readonly outputs: string;
  readonly uploads: string;

  constructor(config: Pick<Config, 'home' | 'outputDefault' | 'uploads'>) {
    this.outputs = (config.outputDefault ?? joinUri(fileUri(config.home), 'outputs')).replace(/\/+$/, '');
    this.uploads = (config.uploads ?? joinUri(this.outputs, UPLOADS)).replace(/\/+$/, '');
  }

  /** URI prefix of a batch's outputs, unless its jobs say otherwise. */
  outputsOf(tenant: string | undefined, batchId: string): string {
    return joinUri(this.outputs, ...(tenant === undefined ? [] : [tenant]), batchId);
  }

  /**
   * A place of its own for each upload, so that a second file of the same name never changes what a job reads. Where the
   * bytes are known beforehand, the same bytes have the same place.
   */
  upload(tenant: string | undefined, name: string, sha256 = randomBytes(6).toString('hex')): string {
    return joinUri(this.uploads, tenant ?? 'default', sha256, name);
  }

  /** URI prefix of the parts of an upload that comes in several requests. @param upload its id, 32 hex digits */
  uploadParts(tenant: string | undefined, upload: string, name: string): string {
    return joinUri(this.uploads, tenant ?? 'default', `.parts-${upload}`, name);
  }

  /** URI prefix of the index of finished work; no tenant reads or writes there. */
  get index(): string {
    return joinUri(this.outputs, MADE);
  }

  /** The entry for what a recipe made of a source: a tenant finds its own work and nobody else's. */
  indexOf(tenant: string, kind: string, recipe: string, sha256: string): string {
    return joinUri(this.index, tenant, `${kind}-${recipe}`, `${sha256}.json`);
  }

  /**
   * Outputs and uploads of other tenants are not to be read. What lies elsewhere, the allow-lists decide about.
   * @param tenant undefined: there are no tenants
   * @throws DarkroomError SourceForbidden
   */
  async checkSource(tenant: string | undefined, uri: string): Promise<void> {
    if (tenant === undefined || !(await this.isForeign(tenant, await placeOf(uri)))) return;
    throw new DarkroomError('SourceForbidden', 'The source belongs to another tenant.');
  }

  /**
   * Nobody's outputs lie among uploads, whose names and bytes their sender chooses, and nobody writes where other tenants
   * have theirs.
   * @param uri of the folder that files are written to
   * @throws DarkroomError OutputForbidden
   */
  async checkOutput(tenant: string | undefined, uri: string): Promise<void> {
    const place = await placeOf(uri);
    if (below(place, await placeOf(this.uploads)) !== undefined) {
      throw new DarkroomError('OutputForbidden', 'Outputs cannot lie among uploads.');
    }
    if (tenant === undefined || !(await this.isForeign(tenant, place))) return;
    throw new DarkroomError('OutputForbidden', 'The output lies where other tenants have theirs.');
  }

  private async isForeign(tenant: string, place: Place): Promise<boolean> {
    const names = below(place, await placeOf(this.uploads)) ?? below(place, await placeOf(this.outputs));
    return names !== undefined && names[0] !== tenant;
  }
}

/**
 * The normal form: folded names without empty ones, which gateways over file systems and file systems themselves leave
 * out; for files with every symbolic link followed. Only compared, never opened.
 */
async function placeOf(uri: string): Promise<Place> {
  const location = parseUri(uri);
  if (location.scheme === 'web') return { volume: location.url.origin, names: [] };
  if (location.scheme === 's3') return { volume: `s3://${location.bucket}`, names: namesOf(location.key) };
  return { volume: 'file:', names: namesOf(await realFile(location.path)) };
}

function namesOf(text: string): string[] {
  return text
    .split(/[/\\]+/)
    .filter(Boolean)
    .map(fold);
}

/** The same for all names that some file system takes for one: by case, composition or characters that do not show. */
function fold(name: string): string {
  const shown = name.replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  return shown.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** The path without symbolic links, as far as it exists. */
async function realFile(file: string): Promise<string> {
  for (let at = file, rest = ''; ; rest = path.join(path.basename(at), rest), at = path.dirname(at)) {
    try {
      return path.join(await realpath(at), rest);
    } catch {
      // Not there (yet), or not to be looked into from here: what is above it decides.
      if (at === path.dirname(at)) return file;
    }
  }
}

/** The names that lead from a folder to a place in it; undefined for a place elsewhere. */
function below(place: Place, folder: Place): string[] | undefined {
  const isInside = place.volume === folder.volume && folder.names.every((name, index) => place.names[index] === name);
  return isInside ? place.names.slice(folder.names.length) : undefined;
}
