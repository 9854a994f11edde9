/** `npm run cancel|pause|resume|priority|restart -- BATCH` or `BATCH/ITEM`: changes what is still open, in mid-flight. */
import { loadConfig } from '../../common/config';
import type { Priority } from '../../common/contracts';
import { controlBatch, controlItem, type Changed, type ItemControl } from '../core/control';
import { requireBatch } from '../core/summary';
import { checkBatchId } from '../../temporal/batches/query';
import { UsageError } from '../inputs';
import { Session } from './session';
import { EXIT, runCommand } from './ui/command';
import { formatCount } from './ui/format';
import { command, wholeNumber } from './ui/options';
import { createView } from './ui/view';

interface Row {
  description: string;
  /** What became of an item. */
  done: string;
  /** Only for one item. */
  ofItem?: boolean;
}

type Name = Extract<ItemControl, string> | 'priority';

const COMMANDS: Record<Name, Row> = {
  cancel: { description: 'Cancels the open items of a batch, or one item.', done: 'cancelled' },
  pause: {
    description: 'Pauses the open items of a batch, or one item: nothing starts, and what runs finishes its step.',
    done: 'paused',
  },
  resume: { description: 'Lets paused items of a batch, or one item, go on.', done: 'resumed' },
  priority: {
    description: 'Changes the priority of the open items of a batch, or of one item; what is queued moves at once.',
    done: 'changed',
  },
  restart: {
    description:
      'Has the steps of an item that run, or wait for another attempt, begin again; those that are done stay.',
    done: 'restarted',
    ofItem: true,
  },
};

async function main(stop: AbortSignal): Promise<number> {
  const [name = '', ...rest] = process.argv.slice(2);
  if (!isName(name)) throw new UsageError(`"${name}" is none of ${Object.keys(COMMANDS).join(', ')}`);
  const { description, done, ofItem } = COMMANDS[name];
  const parser = command(name, description).option('--json', 'one JSON object on stdout', false);
  if (ofItem) parser.argument('<item>', 'BATCH/ITEM');
  else parser.argument('<batch|item>', 'id of a batch, or of an item (BATCH/ITEM)');
  if (name === 'priority') parser.argument('<1-5>', '1 is served first', wholeNumber(1, 5));
  parser.parse(rest, { from: 'user' });
  const [id, priority] = parser.processedArgs as [string, Priority?];
  const isItem = id.includes('/');
  if (!isItem && ofItem) throw new UsageError(`expected an item (BATCH/ITEM), got "${id.slice(0, 120)}"`);
  if (!isItem) checkBatchId(id);
  const control = name === 'priority' ? { priority: priority ?? 3 } : name;
  const { json } = parser.opts<{ json: boolean }>();
  const view = createView(json);
  const session = await Session.open(loadConfig(), {}, (line) => view.note(line));
  try {
    const { operation: _, ...counts } = await ask(
      session,
      id,
      control,
      (asked, of) => view.step(done, asked, of),
      stop,
    );
    view.end();
    const { changed, ...rest } = counts;
    process.stdout.write(`${json ? JSON.stringify({ id, [done]: changed, ...rest }) : sentence(done, counts)}\n`);
    return EXIT.ok;
  } catch (error) {
    view.end();
    throw error;
  } finally {
    await session.close();
  }
}

async function ask(
  { client, queuePrefix }: Session,
  id: string,
  control: ItemControl,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<Changed> {
  if (id.includes('/') || control === 'restart') return controlItem(client, control, id);
  await requireBatch(client, id);
  return controlBatch(client, control, id, { onProgress, signal, queuePrefix });
}

function isName(name: string): name is Name {
  return Object.hasOwn(COMMANDS, name);
}

/** `12 paused, 2 of them finish a step that runs, 3 had ended already` */
function sentence(done: string, { changed, already, running = 0, steps, campaign }: Changed): string {
  const parts = [
    campaign ? `the campaign and ${formatCount(changed)} items ${done}` : `${formatCount(changed)} ${done}`,
  ];
  if (running > 0)
    parts.push(`${formatCount(running)} of them ${running === 1 ? 'finishes' : 'finish'} a step that runs`);
  if (steps !== undefined) parts.push(steps === 1 ? '1 step begins again' : `${formatCount(steps)} steps begin again`);
  if (already > 0) parts.push(`${formatCount(already)} had ended already`);
  return parts.join(', ');
}

runCommand(main);
