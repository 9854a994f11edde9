import { createHash } from 'node:crypto';
import { json } from 'node:stream/consumers';
import type { WorkItem } from '../common/contracts';
import type { TaskResult, WorkFile } from '../common/tasks';
import type { ChunkTrack } from '../media/video';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import type { Receipts } from './receipt';

/** What a chunk's list holds: its tracks, the folder of their files relative to the item's, and what they have cost. */
export interface ChunkList {
  folder: string;
  tracks: ChunkTrack[];
  receipts: Receipts;
}

/** Puts a chunk's list beside its files, so that histories carry its address alone. */
export async function storeList(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  list: ChunkList,
): Promise<WorkFile> {
  const uri = `${item.output}/${list.folder}/tracks.json`;
  const text = JSON.stringify(list);
  attempt.created.add(uri);
  await deps.storage.writeText(uri, text, 'application/json');
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { name: 'chunk', uri, bytes: Buffer.byteLength(text), sha256 };
}

/** The lists of the chunks among the results, in the order of the film. */
export async function readLists(deps: ActivityDeps, results: Record<string, TaskResult>): Promise<ChunkList[]> {
  const files = Object.values(results).flatMap(({ files }) => (files ?? []).filter(({ name }) => name === 'chunk'));
  const lists: ChunkList[] = [];
  for (const { uri } of files) {
    const { stream } = await deps.storage.openRead(uri);
    lists.push((await json(stream)) as ChunkList);
  }
  const begins = ({ tracks: [track] }: ChunkList): string => track?.segments[0]?.path.replace(/^.*\//, '') ?? '';
  return lists.sort((a, b) => (begins(a) < begins(b) ? -1 : 1));
}
