import { open, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Bytes of a SQLite database, and how many of them hold nothing: SQLite writes there before the file grows again. */
export interface DatabaseSize {
  bytes: number;
  freeBytes: number;
}

const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
/** Rewriting the file costs seconds: it has to pay. */
const MIN_FREE_BYTES = 64 * 2 ** 20;

export function databaseFile(home: string): string {
  return path.join(home, 'temporal.db');
}

/** Does the embedded server of this home listen on that port? By the record that its start leaves. */
export async function isEmbeddedServer(home: string, port: number): Promise<boolean> {
  try {
    const record = JSON.parse(await readFile(path.join(home, 'temporal.json'), 'utf8')) as { port?: unknown };
    return record.port === port;
  } catch {
    return false;
  }
}

/** From the header of the file (sqlite.org/fileformat.html, 1.3); undefined for what is no SQLite database. */
export async function databaseSize(file: string): Promise<DatabaseSize | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    if (bytesRead < HEADER_BYTES || buffer.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
    // 64 KiB do not fit into the two bytes, and are written as 1.
    const page = buffer.readUInt16BE(16) === 1 ? 65_536 : buffer.readUInt16BE(16);
    return { bytes: buffer.readUInt32BE(28) * page, freeBytes: buffer.readUInt32BE(36) * page };
  } finally {
    await handle.close();
  }
}

/** Is so much of the file free that the next start of the server rewrites it without the free pages? */
export function isMostlyFree({ bytes, freeBytes }: DatabaseSize): boolean {
  return freeBytes >= MIN_FREE_BYTES && freeBytes * 2 >= bytes;
}

/** One sentence for a person. */
export function sizeSentence({ bytes, freeBytes }: DatabaseSize): string {
  const mib = (value: number): string => `${Math.ceil(value / 2 ** 20)} MiB`;
  return `The database of the embedded server takes ${mib(bytes)}, ${mib(freeBytes)} of which are free.`;
}
