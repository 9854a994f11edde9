/** `npm run cancel -- BATCH` or `BATCH/ITEM`: cancels what is still open; what runs is stopped, and leaves nothing behind. */
import { loadConfig } from '../../common/config';
import { controlBatch, controlItem } from '../core/control';
import { requireBatch } from '../core/summary';
import { checkBatchId } from '../../temporal/batches/query';
import { Session } from './session';
import { EXIT, runCommand } from './ui/command';
import { formatCount } from './ui/format';
import { command } from './ui/options';
import { createView } from './ui/view';

async function main(): Promise<number> {
  const parser = command('cancel', 'Cancels the open items of a batch, or one item.')
    .argument('<batch|item>', 'id of a batch, or of an item (BATCH/ITEM)')
    .option('--json', 'one JSON object on stdout', false);
  parser.parse(process.argv);
  const id = parser.args[0] ?? '';
  const isItem = id.includes('/');
  if (!isItem) checkBatchId(id);
  const { json } = parser.opts<{ json: boolean }>();
  const view = createView(json);
  const session = await Session.open(loadConfig(), {}, (line) => view.note(line));
  try {
    if (!isItem) await requireBatch(session.client, id);
    const { changed, already } = await (isItem ? controlItem : controlBatch)(session.client, 'cancel', id);
    const text = `${formatCount(changed)} cancelled${already > 0 ? `, ${formatCount(already)} had ended already` : ''}`;
    process.stdout.write(json ? `${JSON.stringify({ id, cancelled: changed, already })}\n` : `${text}\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

runCommand(main);
