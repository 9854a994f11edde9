/** `npm run report -- BATCH`: one HTML page with a batch's throughput, backlog, latency and failures. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadConfig } from '../../common/config';
import { checkBatchId } from '../../temporal/batches/query';
import { collectReport } from './collect';
import { reportPage } from './page';
import { Session } from '../../starter/cli/session';
import { EXIT, runCommand } from '../../starter/cli/ui/command';
import { command } from '../../starter/cli/ui/options';
import { createView } from '../../starter/cli/ui/view';

async function main(): Promise<number> {
  const parser = command('report', "One HTML page with a batch's throughput, backlog, latency and failures.")
    .argument('<batch>', 'its id')
    .option('-o, --output <file>', 'default: reports/<batch>.html in DARKROOM_HOME');
  parser.parse(process.argv);
  const batchId = checkBatchId(parser.args[0] ?? '');
  const { output } = parser.opts<{ output?: string }>();
  const config = loadConfig();
  const view = createView(false);
  const session = await Session.open(config, {}, (line) => view.note(line));
  try {
    const report = await collectReport(session.client, batchId);
    if (report === undefined) {
      view.note(`There is no batch "${batchId}" that the server remembers.`);
      return EXIT.failed;
    }
    const file = path.resolve(output ?? path.join(config.home, 'reports', `${batchId}.html`));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(
      file,
      reportPage(report, ({ workflowId, runId }) => runUrl(session, workflowId, runId), session.batchUrl(batchId)),
    );
    process.stdout.write(`${file}\n`);
    return EXIT.ok;
  } finally {
    await session.close();
  }
}

/** Where a person sees one run. */
function runUrl({ server, client }: Session, workflowId: string, runId: string): string | undefined {
  if (server.uiUrl === undefined) return undefined;
  return `${server.uiUrl}/namespaces/${client.options.namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
}

runCommand(main);
