import type { IncomingMessage } from 'node:http';
import { DarkroomError } from '../../common/errors';
import type { AllowList } from '../allow';
import { forbidden, scratchFailure, tooLarge, translating, unavailable } from '../failures';
import { receive, Stalled } from '../receive';
import type { SourceStore } from '../store';
import type { Fetched, FetchOptions, ObjectInfo, Tuning } from '../types';
import { printable, type WebLocation } from '../uri';
import { discard, WebClient } from '../../net/request';

/** Sources on other people's web servers. */
export class WebStore implements SourceStore<WebLocation> {
  private readonly client: WebClient;

  constructor(
    allow: AllowList,
    private readonly tuning: Tuning,
    userAgent: string,
  ) {
    this.client = new WebClient(allow.hosts, tuning, userAgent);
  }

  /** Asks for the first byte rather than by HEAD, which signed URLs (for GET only) and some servers refuse. */
  async stat(at: WebLocation, signal?: AbortSignal): Promise<ObjectInfo> {
    return translating(signal, networkFailure(at), async () => {
      const answer = await this.client.get(at.url, { range: 'bytes=0-0' }, signal);
      discard(answer);
      // 416: a file without a first byte.
      if (answer.statusCode !== 416) checkStatus(answer, at, [200, 206]);
      return describe(at, answer);
    });
  }

  async fetch(at: WebLocation, workPath: string, options: FetchOptions): Promise<Fetched> {
    const { signal, maxBytes, onProgress } = options;
    return translating(signal, networkFailure(at), async () => {
      const answer = await this.client.get(at.url, {}, signal);
      const claimed = describe(at, answer);
      try {
        checkStatus(answer, at, [200]);
        if (claimed.bytes > maxBytes) throw tooLarge(at.uri, maxBytes);
      } catch (error) {
        discard(answer);
        throw error;
      }
      const got = await receive(answer, workPath, {
        uri: at.uri,
        maxBytes,
        signal,
        onProgress,
        watch: this.tuning,
        sinkFailure: scratchFailure,
      });
      const info = describe(at, answer, got.bytes);
      return { ...info, path: workPath, sha256: got.sha256, isUnchanged: () => Promise.resolve(true) };
    });
  }

  close(): void {
    this.client.close();
  }
}

function checkStatus(answer: IncomingMessage, at: WebLocation, good: number[]): void {
  const status = answer.statusCode ?? 0;
  const name = printable(at.uri);
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (status === 401 || status === 403) throw forbidden('source', `The host of ${name} refuses access.`);
  if (status === 404 || status === 410) throw new DarkroomError('SourceNotFound', `There is no file at ${name}.`);
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    throw unavailable('source', `The host of ${name} answers ${status} just now.`, `status ${status}`);
  }
  if (!good.includes(status)) {
    throw new DarkroomError('InvalidJob', `The host of ${name} answers ${status} instead of the file.`, { status });
  }
  if (encoding !== 'identity') {
    throw new DarkroomError('InvalidJob', `The host of ${name} sends the file only compressed (${encoding}).`);
  }
}

function describe(at: WebLocation, answer: IncomingMessage, received?: number): ObjectInfo {
  const { headers } = answer;
  const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
  const length = answer.statusCode === 200 ? headers['content-length'] : undefined;
  const bytes = received ?? Number(total ?? length ?? -1);
  // The same for `stat` and `fetch`, though only one of them may learn the size; hence none beside an ETag.
  const etag = headers.etag?.replace(/^W\//, '').replaceAll('"', '').slice(0, 200);
  const time = Date.parse(headers['last-modified'] ?? '');
  const fingerprint = etag || (Number.isNaN(time) ? `${bytes}` : `${bytes}-${time}000`);
  return { uri: at.uri, bytes, fingerprint, contentType: headers['content-type'] };
}

/** Everything between us and an answer may be better the next time; a name that does not exist is the sender's. */
function networkFailure(at: WebLocation): (error: unknown) => unknown {
  return (error) => {
    const name = printable(at.uri);
    const code = (error as { code?: unknown }).code;
    if (typeof code !== 'string') return error;
    if (code === 'ENOTFOUND') return new DarkroomError('SourceNotFound', `The host of ${name} does not exist.`);
    if (error instanceof Stalled) {
      const details = { cause: error.message, drips: true };
      return new DarkroomError('SourceUnavailable', `The host of ${name} was too slow.`, details, { cause: error });
    }
    if (code === 'ETIMEDOUT') return unavailable('source', `The host of ${name} was too slow.`, error);
    if (/CERT|TLS|SSL|SIGNATURE/.test(code)) return unavailable('source', `${name} could not be read safely.`, error);
    return unavailable('source', `${name} could not be read just now.`, error);
  };
}
