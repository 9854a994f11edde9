import { mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../common/config';
import { DarkroomError } from '../common/errors';
import { HostList } from '../net/hosts';
import { printable } from '../net/url';
import { forbidden, type Role } from './failures';
import { checkSegments, parseUri, type Location } from './uri';

interface Root {
  folder: string;
  /** Unset while the folder does not exist. */
  real?: string;
}

/** What may be read and written, from the configuration. */
export class AllowList {
  private readonly fixedRoots: Root[];
  private fileRoots: Root[] = [];
  private fileStamp = '';
  readonly hosts: HostList;

  constructor(private readonly config: Config) {
    this.fixedRoots = config.allowedRoots.map(toRoot);
    this.hosts = new HostList(config);
  }

  /** Takes a URI apart and checks it. @throws InvalidJob, SourceForbidden or OutputForbidden */
  check(uri: string, role: Role): Location {
    const location = parseUri(uri);
    if (role === 'output') {
      if (location.scheme === 'web') {
        throw new DarkroomError('InvalidJob', `Outputs cannot be written to ${printable(uri)}; use file: or s3:.`);
      }
      checkSegments(location);
    }
    if (location.scheme === 'web') this.hosts.check(location.url, uri);
    else if (location.scheme === 'file') this.checkPath(location.path, uri, role);
    else if (!this.isAllowedKey(location.bucket, location.key)) {
      throw forbidden(role, `${printable(uri)} is outside of the buckets that Darkroom may use.`, {
        setting: 'DARKROOM_ALLOWED_BUCKETS',
      });
    }
    return location;
  }

  /** Is a path without any symbolic link inside of a root? */
  isInsideRealRoot(realPath: string): boolean {
    return this.roots().some((root) => root.real !== undefined && inside(realPath, root.real));
  }

  isRealRoot(realPath: string): boolean {
    return this.roots().some((root) => root.real === realPath);
  }

  /** Makes the root that `target` lies in, if it is not there yet: naming it in the configuration is permission enough. */
  makeRoot(target: string): void {
    const root = this.roots().find(({ folder, real }) => real === undefined && inside(target, folder));
    if (root === undefined) return;
    mkdirSync(root.folder, { recursive: true });
    resolveRoot(root);
  }

  private checkPath(target: string, uri: string, role: Role): void {
    const allowed = this.roots().some(
      (root) => inside(target, root.folder) || (root.real !== undefined && inside(target, root.real)),
    );
    if (allowed) return;
    throw forbidden(role, `${printable(uri)} is outside of the folders that Darkroom may use.`, {
      setting: 'DARKROOM_ALLOWED_ROOTS',
    });
  }

  private isAllowedKey(bucket: string, key: string): boolean {
    return this.config.allowedBuckets.some((entry) => {
      const [allowed, ...rest] = entry.replace(/\/+$/, '').split('/');
      const prefix = rest.join('/');
      return allowed === bucket && (prefix === '' || key === prefix || key.startsWith(`${prefix}/`));
    });
  }

  private roots(): Root[] {
    this.readRootsFile();
    const roots = [...this.fixedRoots, ...this.fileRoots];
    for (const root of roots) if (root.real === undefined) resolveRoot(root);
    return roots;
  }

  /** The commands append to this file while a worker runs, so it is looked at on every use; a stat costs some µs. */
  private readRootsFile(): void {
    const file = this.config.allowedRootsFile;
    if (file === undefined) return;
    const stats = statSync(file, { throwIfNoEntry: false });
    const stamp = stats === undefined ? '' : `${stats.size}-${stats.mtimeMs}-${stats.ino}`;
    if (stamp === this.fileStamp) return;
    const lines = stats === undefined ? [] : readFileSync(file, 'utf8').split('\n');
    this.fileRoots = lines.filter((line) => path.isAbsolute(line)).map(toRoot);
    this.fileStamp = stamp;
  }
}

function toRoot(folder: string): Root {
  return { folder: path.resolve(folder.trim()) };
}

function resolveRoot(root: Root): void {
  try {
    root.real = realpathSync(root.folder);
  } catch {
    // Not there yet; asked again at the next use.
  }
}

function inside(target: string, folder: string): boolean {
  return target === folder || target.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
