import { json } from 'node:stream/consumers';
import type { WorkItem } from '../common/contracts';
import { forEachBounded } from '../common/for-each-bounded';
import type { TaskResult, WorkFile } from '../common/tasks';
import type { ChunkTrack, HlsFile } from '../media/video';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { hashOf, workFolder } from './names';
import { publishAs } from './publish';
import { receiptOf, type Receipts } from './receipt';

/** Files on their way at once: segments are small, and a store takes its time for each. */
const AT_ONCE = 8;

/** What a list is of: the pictures of a chunk, the sounds of a stream, or their beginning. */
export type ListName = 'chunk' | 'sounds' | 'head';

/** What a chunk's list holds: its tracks, the folder of their files relative to the item's, and what they have cost. */
export interface ChunkList {
  folder: string;
  tracks: ChunkTrack[];
  receipts: Receipts;
}

/**
 * Puts the segments of tracks into the folder of intermediates, under names that this attempt alone has, and a list of them
 * beside, so that histories carry its address alone.
 */
export async function storeTracks(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  tracks: ChunkTrack[],
  name: ListName = 'chunk',
): Promise<WorkFile> {
  const { runId, activityId, attempt: number } = attempt.writer;
  const folder = `${workFolder(runId)}/${activityId}-${number}`;
  const files = tracks.flatMap(({ init, segments }): HlsFile[] => [init, ...segments]);
  const publish = (file: HlsFile) => publishAs(deps, attempt, item, `${folder}/${file.path}`, file);
  await attempt.stages.run('publish', 'stream', () => forEachBounded(files, AT_ONCE, publish, attempt.signal));
  const list: ChunkList = { folder, tracks, receipts: receiptOf(deps, attempt) };
  const uri = `${item.output}/${folder}/tracks.json`;
  const text = JSON.stringify(list);
  attempt.created.add(uri);
  await deps.storage.writeText(uri, text, 'application/json');
  return { name, uri, bytes: Buffer.byteLength(text), sha256: hashOf(text) };
}

/** The lists among the results, in the order of the film. */
export async function readLists(
  deps: Pick<ActivityDeps, 'storage'>,
  results: Record<string, TaskResult>,
  wanted: ListName = 'chunk',
): Promise<ChunkList[]> {
  const files = Object.values(results).flatMap(({ files }) => (files ?? []).filter(({ name }) => name === wanted));
  const lists: ChunkList[] = [];
  for (const { uri } of files) {
    const { stream } = await deps.storage.openRead(uri);
    lists.push((await json(stream)) as ChunkList);
  }
  const begins = ({ tracks: [track] }: ChunkList): string => track?.segments[0]?.path.replace(/^.*\//, '') ?? '';
  return lists.sort((a, b) => (begins(a) < begins(b) ? -1 : 1));
}
