import type { DarkroomError } from '../../common/errors';
import type { Storage } from '../../storage';
import { ItemProblem, type Entry } from '../core/stream';

export interface FolderOptions {
  /** URI prefix whose files are no input: outputs that lie in the same folder. */
  except?: string;
  signal?: AbortSignal;
}

/** Every file below a folder or an S3 prefix. What cannot be read is one problem each; the others go on. */
export async function* readFolder(storage: Storage, uri: string, options: FolderOptions = {}): AsyncGenerator<Entry> {
  const problems: ItemProblem[] = [];
  const onError = (error: DarkroomError, at: string): void => void problems.push(ItemProblem.from(at, error));
  const inside = options.except === undefined ? undefined : `${options.except.replace(/\/+$/, '')}/`;
  try {
    for await (const info of storage.list(uri, { onError, signal: options.signal })) {
      yield* problems.splice(0);
      if (inside === undefined || !info.uri.startsWith(inside)) yield { source: info.uri };
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    problems.push(ItemProblem.from(uri, error));
  }
  yield* problems;
}
