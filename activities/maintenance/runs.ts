import type { Client } from '@temporalio/client';
import { KINDS } from '../../common/kinds';
import { quoted } from '../../temporal/batches/query';
import { MAX_MEMO_TEXT, memoText, pageOfRuns, type Run } from '../../temporal/batches/runs';
import { inputOf } from '../../temporal/input';
import { runDigits } from '../names';
import { pathOf } from '../removal';

const PAGE = 1000;
const CLOSED = ['Completed', 'Failed', 'TimedOut', 'Terminated', 'Canceled'];
const TYPES = `WorkflowType IN (${Object.values(KINDS)
  .map(({ workflow }) => quoted(workflow))
  .join(', ')})`;

/** Runs of items as the server's visibility store shows them, by the digits of their ids in names of files. */
export interface KnownRuns {
  /** Everything of such a run stays. */
  isOpen(digits: string): boolean;
  /** Has a run with this output folder closed? It cannot open again. */
  isClosed(digits: string, output: string): boolean;
}

/**
 * The runs that the server knows; some hundred bytes of memory for each. A run that has just begun may be missing, so that
 * nothing follows from not being open: only a run that shows as closed is known not to need its files.
 * @param closedBefore ms since 1970: later ends count as neither, since an attempt of the run may not know of the end yet
 * @param placeOf the same for all ways to write a folder's URI
 * @param onPage called after each page of the listing
 */
export async function knownRuns(
  client: Pick<Client, 'workflowService' | 'options'>,
  closedBefore: number,
  placeOf: (uri: string) => string | undefined,
  onPage: () => void,
): Promise<KnownRuns> {
  const open = new Set<string>();
  const closed = new Set<string>();
  await each(client, `${TYPES} AND CloseTime IS NULL`, ({ runId }) => open.add(runDigits(runId)), onPage);
  const before = quoted(new Date(closedBefore).toISOString());
  const query = `${TYPES} AND ExecutionStatus IN (${CLOSED.map(quoted).join(', ')}) AND CloseTime < ${before}`;
  const close = (run: Run): void => {
    const output = memoText(run, 'output');
    const place = output && placeOf(output);
    if (place) closed.add(`${runDigits(run.runId)} ${place}`);
  };
  await each(client, query, close, onPage);
  return {
    isOpen: (digits) => open.has(digits),
    isClosed: (digits, output) => closed.has(`${digits} ${placeOf(output)}`),
  };
}

/**
 * Where the sources of open runs lie, as `placeOf` returns them. The server shows a run some seconds after its start.
 * @param onPage called after each page of the listing
 */
export async function openSources(client: Client, onPage: () => void): Promise<Set<string>> {
  const sources = new Set<string>();
  const cut: Run[] = [];
  const take = (run: Run): void => {
    const source = memoText(run, 'source');
    if (source === undefined || source.length >= MAX_MEMO_TEXT) cut.push(run);
    else sources.add(placeOf(source) ?? source);
  };
  await each(client, `${TYPES} AND CloseTime IS NULL`, take, onPage);
  for (const { workflowId, runId } of cut) {
    const { source } = await inputOf(client, workflowId, runId);
    sources.add(placeOf(source) ?? source);
  }
  return sources;
}

/** The same for all ways to write the URI of a file or folder; undefined for what is none. */
export function placeOf(uri: string): string | undefined {
  try {
    return pathOf(uri);
  } catch {
    return undefined;
  }
}

async function each(
  client: Pick<Client, 'workflowService' | 'options'>,
  query: string,
  take: (run: Run) => void,
  onPage: () => void,
): Promise<void> {
  let next: string | undefined;
  do {
    const page = await pageOfRuns(client as Client, query, PAGE, next);
    page.runs.forEach(take);
    next = page.next;
    onPage();
  } while (next !== undefined);
}
