import sharp from 'sharp';

/** Decoders that untrusted files may reach: fuzzed upstream, and what people upload. `VipsForeignLoadHeif` reads AVIF. */
const ALLOWED = ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map((name) => `VipsForeignLoad${name}`);
const SVG = 'VipsForeignLoadSvg';

/** Whether this process sees untrusted files. */
let locked = false;

/**
 * Sets sharp up for a process that sees untrusted files: every loader is off but those named here, no cache (each file is
 * seen once), one thread (each process works on one file, and there are as many as cores).
 */
export function lockDown(): void {
  locked = true;
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: ALLOWED });
  sharp.block({ operation: [SVG] });
}

/**
 * Runs `work` with the SVG loader on. For a process that does one task at a time. The loader is off again afterwards where
 * this process is locked down; sharp keeps the setting for the whole process, so elsewhere nothing is turned off.
 */
export async function withSvg<T>(work: () => Promise<T>): Promise<T> {
  sharp.unblock({ operation: [SVG] });
  try {
    return await work();
  } finally {
    if (locked) sharp.block({ operation: [SVG] });
  }
}
