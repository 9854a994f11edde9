/** `npm run duplicates -- BATCH`: which images of a batch look alike, by the hashes in their manifests. */
import { InvalidArgumentError } from 'commander';
import { loadConfig } from '../../common/config';
import { checkBatchId } from '../../temporal/batches/query';
import { DISTANCE, findDuplicates, type Duplicates } from '../core/duplicates';
import { requireBatch } from '../core/summary';
import { ManifestCache } from '../core/view/item';
import { Session } from './session';
import { EXIT, runCommand } from './ui/command';
import { formatCount, printableText } from './ui/format';
import { command } from './ui/options';
import { createView } from './ui/view';

async function main(stop: AbortSignal): Promise<number> {
  const about = `bits of 64 in which two pictures may differ, 0 to ${DISTANCE.most}`;
  const parser = command('duplicates', 'Groups the finished images of a batch that look alike.')
    .argument('<batch>', 'its id')
    .option('--distance <bits>', about, distanceOf, DISTANCE.default)
    .option('--json', 'one JSON object on stdout', false);
  parser.parse(process.argv);
  const batch = checkBatchId(parser.args[0] ?? '');
  const { json, distance } = parser.opts<{ json: boolean; distance: number }>();
  const view = createView(json);
  const session = await Session.open(loadConfig(), {}, (line) => view.note(line));
  try {
    const { client, storage } = session;
    await requireBatch(client, batch);
    const options = { distance, onProgress: (items: number) => view.step('compared', items, items), signal: stop };
    // Each manifest is read once: nothing is worth keeping.
    const found = await findDuplicates(client, new ManifestCache(storage, 0), batch, options);
    view.end();
    process.stdout.write(json ? `${JSON.stringify(asJson(batch, distance, found))}\n` : text(batch, distance, found));
    return EXIT.ok;
  } finally {
    view.end();
    await session.close();
  }
}

function distanceOf(value: string): number {
  if (/^\d{1,2}$/.test(value) && Number(value) <= DISTANCE.most) return Number(value);
  throw new InvalidArgumentError(`expected a whole number from 0 to ${DISTANCE.most}`);
}

function asJson(batch: string, distance: number, { groups, items, unhashed }: Duplicates): object {
  const members = groups.map((group) =>
    group.map(({ workflowId: item, source, hash, distance: bits }) => ({ item, source, hash, distance: bits })),
  );
  return { batch, distance, items, unhashed, groups: members };
}

function text(batch: string, distance: number, { groups, items, unhashed }: Duplicates): string {
  const alike = groups.reduce((sum, group) => sum + group.length, 0);
  const lines = [
    `Batch ${batch}: ${formatCount(alike)} of ${formatCount(items)} images are in ${formatCount(groups.length)} groups that look alike (up to ${distance} bits apart)`,
  ];
  groups.forEach((group, at) => {
    lines.push(`group ${at + 1}`);
    for (const { distance: bits, workflowId, source = '' } of group)
      lines.push(`  ${String(bits).padStart(2)}  ${workflowId}  ${printableText(source)}`);
  });
  if (unhashed > 0)
    lines.push(
      `${formatCount(unhashed)} images have no hash: plain pictures, and manifests from before there were hashes.`,
    );
  return `${lines.join('\n')}\n`;
}

runCommand(main);
