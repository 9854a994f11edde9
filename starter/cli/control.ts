/** `npm run cancel|pause|resume -- BATCH` or `BATCH/ITEM`: changes what is still open, in mid-flight. */
import { loadConfig } from '../../common/config';
import { controlBatch, controlItem, type Changed, type Control } from '../core/control';
import { requireBatch } from '../core/summary';
import { checkBatchId } from '../../temporal/batches/query';
import { Session } from './session';
import { EXIT, runCommand } from './ui/command';
import { formatCount } from './ui/format';
import { command } from './ui/options';
import { createView } from './ui/view';

interface Row {
  description: string;
  /** What became of an item. */
  done: string;
}

const COMMANDS: Record<Control, Row> = {
  cancel: { description: 'Cancels the open items of a batch, or one item.', done: 'cancelled' },
  pause: {
    description: 'Pauses the open items of a batch, or one item: nothing starts, and what runs finishes its step.',
    done: 'paused',
  },
  resume: { description: 'Lets paused items of a batch, or one item, go on.', done: 'resumed' },
};

async function main(): Promise<number> {
  const [name = '', ...rest] = process.argv.slice(2);
  if (!isControl(name)) throw new Error(`"${name}" is none of ${Object.keys(COMMANDS).join(', ')}`);
  const { description, done } = COMMANDS[name];
  const parser = command(name, description)
    .argument('<batch|item>', 'id of a batch, or of an item (BATCH/ITEM)')
    .option('--json', 'one JSON object on stdout', false);
  parser.parse(rest, { from: 'user' });
  const id = parser.args[0] ?? '';
  const isItem = id.includes('/');
  if (!isItem) checkBatchId(id);
  const { json } = parser.opts<{ json: boolean }>();
  const view = createView(json);
  const session = await Session.open(loadConfig(), {}, (line) => view.note(line));
  try {
    if (!isItem) await requireBatch(session.client, id);
    const { changed, ...counts } = await (isItem ? controlItem : controlBatch)(session.client, name, id);
    const text = sentence(done, { changed, ...counts });
    process.stdout.write(json ? `${JSON.stringify({ id, [done]: changed, ...counts })}\n` : `${text}\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

function isControl(name: string): name is Control {
  return Object.hasOwn(COMMANDS, name);
}

/** `12 paused, 2 of them finish a step that runs, 3 had ended already` */
function sentence(done: string, { changed, already, running = 0 }: Changed): string {
  const parts = [`${formatCount(changed)} ${done}`];
  if (running > 0) parts.push(`${formatCount(running)} of them finish a step that runs`);
  if (already > 0) parts.push(`${formatCount(already)} had ended already`);
  return parts.join(', ');
}

runCommand(main);
