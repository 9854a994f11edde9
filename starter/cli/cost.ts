/** `npm run cost -- --by tenant,preset --since 30d`: what completed items cost, summed from their receipts. */
import { InvalidArgumentError } from 'commander';
import { loadConfig } from '../../common/config';
import { COST_FIELDS, sumCosts, timeOf, type Cost, type CostField, type Costs } from '../core/cost';
import { Session } from './session';
import { EXIT, runCommand } from './ui/command';
import { formatBytes, formatCount, printableText } from './ui/format';
import { command } from './ui/options';
import { createView } from './ui/view';

interface Options {
  by: CostField[];
  since: Date;
  tenant?: string;
  preset?: string;
  batch?: string;
  json: boolean;
}

async function main(stop: AbortSignal): Promise<number> {
  const parser = command('cost', 'What completed items cost: CPU seconds and bytes, summed from their receipts.')
    .option('--by <fields>', `of ${COST_FIELDS.join(', ')}, with commas between`, fields, ['tenant', 'preset'])
    .option('--since <time>', 'items that ended since then: 30d, 12h, or a date', time, timeOf('30d'))
    .option('--tenant <name>', 'of this tenant only')
    .option('--preset <name>', 'of this preset only')
    .option('--batch <id>', 'of this batch only')
    .option('--json', 'one JSON object on stdout', false);
  parser.parse(process.argv);
  const { json, ...options } = parser.opts<Options>();
  const view = createView(json);
  const session = await Session.open(loadConfig(), {}, (line) => view.note(line));
  try {
    const onProgress = (runs: number): void => view.step('summed', runs, runs);
    const costs = await sumCosts(session.client, { ...options, onProgress, signal: stop });
    view.end();
    const { by, since } = options;
    process.stdout.write(json ? `${JSON.stringify({ by, since, ...costs })}\n` : table(by, costs));
    return EXIT.ok;
  } finally {
    view.end();
    await session.close();
  }
}

function fields(text: string): CostField[] {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !COST_FIELDS.some((field) => field === name));
  if (wrong === undefined) return names as CostField[];
  throw new InvalidArgumentError(`"${wrong}" is none of ${COST_FIELDS.join(', ')}`);
}

function time(text: string): Date {
  const found = timeOf(text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError('expected 30d, 12h, 90m, 2w or a date such as 2026-11-01');
}

/** The dearest first, the sum last. */
function table(by: CostField[], { groups, total }: Costs): string {
  const figures = ({ items, cpuSeconds, bytesIn, bytesOut }: Cost): string[] => [
    ...[formatCount(items), cpuSeconds.toFixed(1), formatBytes(bytesIn), formatBytes(bytesOut)],
  ];
  const rows = [
    [...by, 'items', 'CPU s', 'in', 'out'],
    ...groups.map((row) => [...by.map((field) => printableText(row.group[field] ?? '')), ...figures(row)]),
    ['all', ...by.slice(1).map(() => ''), ...figures(total)],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]): string =>
    row.map((text, at) => (at < by.length ? text.padEnd(widths[at]!) : text.padStart(widths[at]!))).join('  ');
  const unknown = total.unknown > 0 ? [`${formatCount(total.unknown)} items say nothing of CPU seconds.`] : [];
  return `${[...rows.map(line), ...unknown].join('\n')}\n`;
}

runCommand(main);
