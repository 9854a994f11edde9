import type { Manifest } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import { joinUri, printable } from './uri';

export function manifestUri(itemUri: string): string {
  return joinUri(itemUri, 'manifest.json');
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** @throws InvalidJob for a file that is not Darkroom's: it is somebody's, and must not be overwritten. */
export function parseManifest(text: string, uri: string): Manifest {
  try {
    const value = JSON.parse(text) as Partial<Manifest> | null;
    if (value?.version === 1 && Array.isArray(value.renditions) && typeof value.source?.sha256 === 'string') {
      return value as Manifest;
    }
  } catch {
    // Answered below, like JSON of another shape.
  }
  throw new DarkroomError('InvalidJob', `${printable(uri)} is there already, but is not a manifest of Darkroom's.`);
}
