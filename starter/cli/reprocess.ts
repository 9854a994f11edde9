/** `npm run reprocess -- --preset web@new --where preset=web`: makes finished items again by another preset, a few first. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { CampaignInput, CampaignReport } from '../../common/campaign';
import { loadConfig } from '../../common/config';
import { MEDIA_KINDS, type MediaKind } from '../../common/kinds';
import { loadPreset } from '../../media/presets';
import { checkBatchId } from '../../temporal/batches/query';
import {
  campaignId,
  controlCampaign,
  describeCampaign,
  settle,
  startCampaign,
  type CampaignControl,
} from '../core/campaign';
import { UsageError } from '../inputs';
import { Session } from './session';
import { EXIT, runCommand } from './ui/command';
import { formatBytes, formatCount, printableText } from './ui/format';
import { command, wholeNumber } from './ui/options';
import { createView } from './ui/view';

const ACTIONS = ['status', 'approve', 'pause', 'resume', 'stop', 'rollback', 'keep'] as const;

interface Options {
  preset?: string;
  where: CampaignInput['where'];
  canary: number;
  budget?: number;
  minSsim: number;
  maxBytes: number;
  maxFailures: number;
  approveIf?: string;
  atOnce: number;
  json: boolean;
}

async function main(stop: AbortSignal): Promise<number> {
  const parser = command('reprocess', 'Makes finished items again by another preset: a few first, then the others.')
    .argument('[action]', `on a campaign: ${ACTIONS.join(', ')}`)
    .argument('[campaign]', 'its id')
    .option('--preset <name>', 'the new preset')
    .option('--where <conditions>', 'old items: preset=web,batch=trip,tenant=acme,kind=image', where, {})
    .option('--canary <n>', 'items to make first, beside the old ones', wholeNumber(1, 1000), 20)
    .option('--budget <cpu>', 'CPU time of all items: 6cpu-h, 30cpu-m, 90cpu-s', budget)
    .option('--min-ssim <0-1>', 'lowest resemblance of new and old outputs', fraction, 0.9)
    .option('--max-bytes <times>', 'most bytes, as a multiple of the old ones', fraction, 1.5)
    .option('--max-failures <0-1>', 'most failures, as a share of the items', fraction, 0.02)
    .option(
      '--approve-if <rule>',
      'within-bounds: the canary needs no approval where its figures are within the bounds',
    )
    .option('--at-once <n>', 'items at once', wholeNumber(1, 100), 4)
    .option('--json', 'one JSON object on stdout', false);
  parser.parse(process.argv);
  const [action, given] = parser.args;
  const options = parser.opts<Options>();
  const { json } = options;
  const view = createView(json);
  const config = loadConfig();
  const session = await Session.open(config, {}, (line) => view.note(line));
  try {
    const { client, queuePrefix } = session;
    if (session.embedded) await session.startWorker((line) => view.note(line));
    const id = action === undefined ? await start(session, options) : checkBatchId(given ?? '');
    if (action === 'rollback' || action === 'keep') {
      const items = await settle(client, queuePrefix, id, action);
      process.stdout.write(json ? `${JSON.stringify({ id, [action]: items })}\n` : `${formatCount(items)} items\n`);
      return EXIT.ok;
    }
    if (action !== undefined && action !== 'status') await controlCampaign(client, id, checked(action));
    // These two leave the campaign as it is, or at rest: there is nothing to wait for.
    const waits = action === undefined || action === 'approve' || action === 'resume';
    const report = waits ? await follow(session, id, view, stop) : await describeCampaign(client, id);
    view.end();
    process.stdout.write(json ? `${JSON.stringify({ id, ...report })}\n` : text(id, report));
    return report.phase === 'stopped' ? EXIT.failed : EXIT.ok;
  } finally {
    view.end();
    await session.close();
  }
}

function checked(action: string): CampaignControl {
  const known = (ACTIONS as readonly string[]).includes(action);
  if (known) return action as CampaignControl;
  throw new UsageError(`"${action.slice(0, 50)}" is none of ${ACTIONS.join(', ')}`);
}

async function start({ client, config, queuePrefix }: Session, options: Options): Promise<string> {
  if (options.preset === undefined) throw new UsageError('name the new preset: --preset web@new');
  if (Object.keys(options.where).length === 0) throw new UsageError('say which items: --where preset=web');
  if (options.approveIf !== undefined && options.approveIf !== 'within-bounds') {
    throw new UsageError('--approve-if knows the rule within-bounds only');
  }
  const { canary, atOnce, where, budget: budgetCpuSeconds } = options;
  const { minSsim, maxBytes: maxBytesRatio, maxFailures } = options;
  const preset = await loadPreset(config.presetsDir, options.preset);
  const id = campaignId({ preset, where });
  const rules = { bounds: { minSsim, maxBytesRatio, maxFailures }, approvesItself: options.approveIf !== undefined };
  await startCampaign(client, queuePrefix, { id, preset, where, canary, budgetCpuSeconds, atOnce, ...rules });
  return id;
}

/** Until the campaign ends, or waits for a person. */
async function follow({ client }: Session, id: string, view: ReturnType<typeof createView>, stop: AbortSignal) {
  for (;;) {
    await sleep(500, undefined, { signal: stop }).catch(() => undefined);
    const report = await describeCampaign(client, id);
    view.step(report.phase, report.made, report.made);
    if (stop.aborted || report.paused || !['canary', 'running'].includes(report.phase)) return report;
  }
}

function text(id: string, report: CampaignReport): string {
  const { phase, paused, reason, made, failed, passedOver, bytesBefore, bytesAfter, cpuSeconds } = report;
  const { compared, lowestSsim } = report;
  const lines = [
    `Campaign ${id}: ${paused ? 'paused' : phase}`,
    ...(reason === undefined ? [] : [`  ${printableText(reason)}`]),
    `  items    ${formatCount(made)} made, ${formatCount(failed)} failed, ${formatCount(passedOver)} passed over`,
    `  bytes    ${formatBytes(bytesBefore)} before, ${formatBytes(bytesAfter)} now`,
    `  cost     ${cpuSeconds.toFixed(1)} CPU s`,
    ...(lowestSsim === undefined ? [] : [`  SSIM     ${lowestSsim.toFixed(3)} at least, of ${formatCount(compared)}`]),
  ];
  if (phase === 'awaiting approval') lines.push(`  next     npm run reprocess -- approve ${id}`);
  if (phase === 'completed' || phase === 'stopped') lines.push(`  next     npm run reprocess -- rollback|keep ${id}`);
  return `${lines.join('\n')}\n`;
}

function where(words: string): CampaignInput['where'] {
  const found: CampaignInput['where'] = {};
  for (const word of words.split(',')) {
    const [, field, value] = /^\s*(preset|batch|tenant|kind)\s*=\s*(\S+)\s*$/.exec(word) ?? [];
    if (field === undefined || value === undefined) {
      throw new InvalidArgumentError('expected preset=…, batch=…, tenant=… or kind=…, with commas between');
    }
    if (field === 'batch') checkBatchId(value);
    if (field === 'kind' && !MEDIA_KINDS.some((kind) => kind === value)) {
      throw new InvalidArgumentError(`expected one of ${MEDIA_KINDS.join(', ')} as the kind`);
    }
    Object.assign(found, { [field]: value as MediaKind });
  }
  return found;
}

function budget(words: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)cpu-([hms])$/.exec(words) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('expected 6cpu-h, 30cpu-m or 90cpu-s');
  return Number(amount) * { h: 3600, m: 60, s: 1 }[unit as 'h' | 'm' | 's'];
}

function fraction(words: string): number {
  const value = Number(words);
  if (words.trim() !== '' && value >= 0 && value <= 1000) return value;
  throw new InvalidArgumentError('expected a number');
}

runCommand(main);
