import { DarkroomApiError } from './errors';
import type { Http } from './http';
import type { Upload, UploadOffset } from './types';

type Bytes = Uint8Array<ArrayBuffer> | Blob;

/** A file whose bytes are read piece by piece. A Blob, and so a File, is one. */
export interface UploadSource {
  /** bytes */
  readonly size: number;
  slice(start: number, end: number): Bytes | Promise<Bytes>;
}

export interface UploadOptions {
  /** Lower-case hex, where the caller knows it: files of more than 256 MiB are not hashed here. */
  sha256?: string;
  /** 32 hex digits: goes on with an earlier upload of this id. Default: made from the hash of the bytes, else made up. */
  id?: string;
  /** Bytes of the first part; a file that has no more is sent whole. Later parts grow to 8 MiB. Default: 8 MiB. */
  firstPart?: number;
  /** Called with the bytes that the service has. */
  onProgress?: (bytes: number) => void;
  signal?: AbortSignal;
}

const LARGEST_PART = 8 * 1024 * 1024;
/** ms that a part may take, and be followed by one of twice its size. */
const QUICK_MS = 1_000;
/** Bytes up to which a file is hashed here, which takes it into memory. */
const MOST_HASHED = 256 * 1024 * 1024;

/**
 * Brings a file to the service, and goes on where an earlier upload of the same file broke off, be it in another process:
 * where the hash of the bytes is known, or with the same `id`.
 * @throws DarkroomApiError; on abort the reason of the signal
 */
export async function upload(
  http: Http,
  name: string,
  content: Uint8Array<ArrayBuffer> | UploadSource,
  { onProgress, signal, ...options }: UploadOptions,
): Promise<Upload> {
  const source = content instanceof Uint8Array ? sourceOf(content) : content;
  const { size } = source;
  const sha256 = options.sha256 ?? (await hashOf(source));
  const id = options.id ?? sha256?.slice(0, 32) ?? newUploadId();
  const known = { upload: id, ...(sha256 !== undefined && { sha256 }) };
  const path = (query: Record<string, string>): string =>
    `/v1/uploads/${encodeURIComponent(name)}?${new URLSearchParams(query).toString()}`;
  const ask = () => http.json<Upload | UploadOffset>('GET', path(known), undefined, { signal });
  const put = (query: Record<string, string>, body: Bytes): Promise<Upload | UploadOffset> =>
    http.patiently(async () => {
      const headers = { 'content-type': 'application/octet-stream' };
      const answer = await http.request('PUT', path(query), { body, headers, signal });
      return (await answer.json()) as Upload | UploadOffset;
    });

  let part = Math.min(options.firstPart ?? LARGEST_PART, LARGEST_PART);
  let offset = 0;
  if (sha256 !== undefined || options.id !== undefined) {
    const there = await ask();
    if ('source' in there) return there;
    offset = there.offset;
  }
  onProgress?.(offset);
  if (offset === 0 && size <= part) {
    const whole = await put(sha256 === undefined ? {} : { sha256 }, await source.slice(0, size));
    if ('source' in whole) return whole;
  }
  for (;;) {
    const end = Math.min(offset + part, size);
    const since = Date.now();
    const query = { ...known, offset: String(offset), size: String(size) };
    const answer = await put(query, await source.slice(offset, end)).catch(async (error: unknown) => {
      if (!(error instanceof DarkroomApiError && error.code === 'UploadOffset')) throw error;
      // The answer to this part, or to the last one, was lost on its way.
      const there = await ask();
      if ('offset' in there && there.offset === offset) throw error;
      return there;
    });
    if ('source' in answer) return answer;
    offset = answer.offset;
    onProgress?.(offset);
    if (Date.now() - since < QUICK_MS) part = Math.min(2 * part, LARGEST_PART);
  }
}

/** For an upload that is to be resumed by `id`. */
export function newUploadId(): string {
  return hex(crypto.getRandomValues(new Uint8Array(16)));
}

function sourceOf(bytes: Uint8Array<ArrayBuffer>): UploadSource {
  return { size: bytes.length, slice: (start, end) => bytes.subarray(start, end) };
}

/** Undefined for what is too large, or where nothing can be hashed: in a page by http from another machine. */
async function hashOf(source: UploadSource): Promise<string | undefined> {
  const { subtle } = crypto as { subtle?: (typeof crypto)['subtle'] };
  if (source.size > MOST_HASHED || subtle === undefined) return undefined;
  const bytes = await source.slice(0, source.size);
  const whole = bytes instanceof Uint8Array ? bytes : await bytes.arrayBuffer();
  return hex(new Uint8Array(await subtle.digest('SHA-256', whole)));
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
