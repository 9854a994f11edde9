import { randomBytes } from 'node:crypto';
import type { Config } from '../../../common/config';
import { DarkroomError } from '../../../common/errors';
import { fileUri, joinUri } from '../../../storage';
import { parseUri } from '../../../storage/uri';

/** Below the outputs. No tenant's name begins with an underscore. */
const UPLOADS = '_uploads';

/** Where the API puts files, and the fences between tenants in it. */
export class Places {
  private readonly outputs: string;
  private readonly uploads: string;

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

  /**
   * Outputs and uploads of other tenants are neither to be read nor to be written to. What lies elsewhere, the allow-lists
   * decide about.
   * @throws DarkroomError SourceForbidden or OutputForbidden
   */
  checkTenant(tenant: string | undefined, source: string, output: string | undefined): void {
    if (tenant === undefined) return;
    if (this.isForeign(tenant, source)) {
      throw new DarkroomError('SourceForbidden', 'The source belongs to another tenant.');
    }
    if (output !== undefined && this.isForeign(tenant, output)) {
      throw new DarkroomError('OutputForbidden', 'The output lies where other tenants have theirs.');
    }
  }

  private isForeign(tenant: string, uri: string): boolean {
    const place = placeOf(uri);
    const shared = [this.outputs, this.uploads];
    if (!shared.some((base) => inside(place, placeOf(base)))) return false;
    return !shared.some((base) => inside(place, placeOf(joinUri(base, tenant))));
  }
}

/** A text that is the same for every way of writing the same place. */
function placeOf(uri: string): string {
  const location = parseUri(uri);
  if (location.scheme === 'file') return location.path;
  return location.scheme === 's3' ? `s3://${location.bucket}/${location.key}`.replace(/\/+$/, '') : uri;
}

function inside(place: string, folder: string): boolean {
  return place === folder || place.startsWith(`${folder}/`);
}
