import { readFile, type FileHandle } from 'node:fs/promises';

/** ms between two looks at the disk. */
const LOOK_EVERY = 1000;

/**
 * Waits until a file's bytes are on its disk, which takes minutes for gigabytes on a slow one.
 * @param onProgress called while the disk is seen to write; where the system does not say (no Linux), never
 */
export async function flush(file: FileHandle, onProgress: () => void): Promise<void> {
  let before: string | undefined;
  const look = async (): Promise<void> => {
    const now = await written(file);
    if (before !== undefined && now !== before) onProgress();
    before = now;
  };
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY);
  try {
    await file.datasync();
  } finally {
    clearInterval(timer);
  }
}

/** How much the file's disk has written so far: of the device where the file system has one, else of all disks. */
async function written(file: FileHandle): Promise<string> {
  const { dev } = await file.stat({ bigint: true });
  const [major, minor] = [(dev >> 8n) & 0xfffn, (dev & 0xffn) | ((dev >> 12n) & 0xfff00n)];
  const disk = await readFile(`/sys/dev/block/${major}:${minor}/stat`, 'utf8').catch(() => undefined);
  // The seventh figure: sectors written.
  if (disk !== undefined) return disk.trim().split(/\s+/)[6] ?? '';
  return /^nr_written (\d+)$/m.exec(await readFile('/proc/vmstat', 'utf8'))?.[1] ?? '';
}
