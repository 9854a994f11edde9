import { buffer } from 'node:stream/consumers';
import { DarkroomError } from '../../common/errors';
import { sniff, SNIFF_BYTES } from '../../media/sniff';
import type { ObjectInfo, Storage } from '../../storage';
import type { Entry } from '../core/intake';
import { retrying, type RetryOptions } from '../../temporal/grpc';

export interface FolderOptions extends Pick<RetryOptions, 'signal' | 'onWait'> {
  /** URI prefix whose files are no input: outputs that lie in the same folder. */
  except?: string;
  /** Files that are no media by their name are entries too. */
  allFiles?: boolean;
  /** Called for each file that is left out because it is no media. */
  onIgnored?: (uri: string) => void;
}

/** What stands beside media: sidecars of cameras and editors, subtitles, playlists, files of the system, documents, archives. */
const NO_MEDIA = new RegExp(
  `(^|/)(thumbs\\.db|desktop\\.ini|\\.ds_store)$|\\.(${[
    'xmp|aae|thm|lrcat|lrcat-data|lrdata|pp3|dop|cos|on1|acr|comask|exif|gpx|kml|nmea|srt|vtt|ass|ssa|sub|idx|lrc',
    'm3u8?|pls|cue|mpd|ctg|ifo|bup|modd|moff|json|jsonl|ndjson|txt|md|rtf|csv|tsv|xml|ya?ml|log|ini|cfg|plist|nfo|url|lnk',
    'db|sqlite|html?|css|js|php|pdf|docx?|xlsx?|pptx?|odt|ods|odp|pages|numbers|epub|zip|rar|7z|gz|tar|tgz|bz2|xz',
    'exe|dll|msi|bat|cmd|sh|py|ttf|otf|woff2?|md5|sha1|sha256|sfv|par2|torrent|part|crdownload|tmp|bak',
  ].join('|')})$`,
  'i',
);

/**
 * Every media file below a folder or an S3 prefix. What cannot be read is one problem each; the others go on. A store that
 * is away is waited for.
 */
export async function* readFolder(storage: Storage, uri: string, options: FolderOptions = {}): AsyncGenerator<Entry> {
  const problems: Entry[] = [];
  const inside = options.except === undefined ? undefined : `${options.except.replace(/\/+$/, '')}/`;
  try {
    for await (const info of listAll(storage, uri, problems, options)) {
      yield* problems.splice(0);
      if (inside !== undefined && info.uri.startsWith(inside)) continue;
      if (options.allFiles || (await isMedia(storage, info))) yield { name: info.uri, job: { source: info.uri } };
      else options.onIgnored?.(info.uri);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof DarkroomError)) throw error;
    problems.push({ name: uri, job: error });
  }
  yield* problems;
}

/** Goes on behind the last object where S3 was away in between. */
async function* listAll(
  storage: Storage,
  uri: string,
  problems: Entry[],
  { signal, onWait }: FolderOptions,
): AsyncGenerator<ObjectInfo> {
  const onError = (error: DarkroomError, at: string): void => void problems.push({ name: at, job: error });
  if (!/^s3:/i.test(uri)) {
    yield* storage.list(uri, { onError, signal });
    return;
  }
  let after: string | undefined;
  const open = (): AsyncIterator<ObjectInfo> => storage.list(uri, { onError, signal, after })[Symbol.asyncIterator]();
  let objects = open();
  const nextObject = async () => {
    try {
      return await objects.next();
    } catch (error) {
      // A generator that has thrown is at its end.
      objects = open();
      throw error;
    }
  };
  for (;;) {
    const next = await retrying(nextObject, { signal, onWait, limitMs: Infinity });
    if (next.done === true) return;
    after = next.value.uri;
    yield next.value;
  }
}

/** By its name; a local file without an extension by its first bytes. Anything in doubt is media: the worker looks closely. */
async function isMedia(storage: Storage, { uri }: ObjectInfo): Promise<boolean> {
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  if (NO_MEDIA.test(name)) return false;
  if (/\.[^.]+$/.test(name) || !/^file:/i.test(uri)) return true;
  try {
    const { stream } = await storage.openRead(uri, { range: { start: 0, end: SNIFF_BYTES - 1 } });
    return sniff(await buffer(stream))?.kind !== 'other';
  } catch {
    return true;
  }
}
