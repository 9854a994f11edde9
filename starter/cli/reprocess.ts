/** `npm run reprocess -- --preset web@new --where preset=web`: makes finished items again by another preset, a few first. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { CAMPAIGN_DEFAULTS, MOST_AT_ONCE, MOST_CANARY, SETTLEMENTS, type CampaignWhere } from '../../common/campaign';
import { loadConfig } from '../../common/config';
import { MEDIA_KINDS, type MediaKind } from '../../common/kinds';
import { loadPreset } from '../../media/presets';
import { checkBatchId } from '../../temporal/batches/query';
import {
  approveCampaign,
  campaignInput,
  describeCampaign,
  listCampaigns,
  settleOutcome,
  startCampaign,
  type CampaignView,
  type CampaignWish,
} from '../core/campaign';
import { UsageError } from '../inputs';
import { Session } from './session';
import { EXIT, runCommand } from './ui/command';
import { formatBytes, formatCount, printableText } from './ui/format';
import { command, wholeNumber } from './ui/options';
import { createView, type View } from './ui/view';

/** ms between two looks. */
const LOOK_MS = 500;
const ACTIONS = ['list', 'status', 'approve', ...SETTLEMENTS] as const;
/** Campaigns that `list` shows. */
const LISTED = 50;
type Action = (typeof ACTIONS)[number];

interface Options extends Omit<CampaignWish, 'approvesItself'> {
  preset?: string;
  approveIf?: string;
  json: boolean;
}

async function main(stop: AbortSignal): Promise<number> {
  const { canary, atOnce, minSsim, maxBytesRatio, maxFailures } = CAMPAIGN_DEFAULTS;
  const parser = command('reprocess', 'Makes finished items again by another preset: a few first, then the others.')
    .argument('[action]', `list, or on a campaign: ${ACTIONS.slice(1).join(', ')}; without one, a campaign begins`)
    .argument('[campaign]', 'its id')
    .option('--preset <name>', 'the new preset')
    .option('--where <conditions>', 'old items: preset=web,batch=trip,tenant=acme,kind=image', conditions, {})
    .option('--canary <n>', 'items to make first, beside the old ones', wholeNumber(1, MOST_CANARY), canary)
    .option('--budget <cpu>', 'CPU time of all items: 6cpu-h, 30cpu-m, 90cpu-s', cpuSeconds)
    .option('--min-ssim <0-1>', 'lowest resemblance of new and old outputs', number(1), minSsim)
    .option('--max-bytes <times>', 'most bytes, as a multiple of the old ones', number(1000), maxBytesRatio)
    .option('--max-failures <0-1>', 'most failures, as a share of the items', number(1), maxFailures)
    .option('--approve-if <rule>', 'within-bounds: a canary whose figures are within the bounds is approved')
    .option('--at-once <n>', 'items at once', wholeNumber(1, MOST_AT_ONCE), atOnce)
    .option('--json', 'one JSON object on stdout', false);
  parser.parse(process.argv);
  const [action, given] = parser.args;
  const { maxBytes, budget, ...options } = parser.opts<Options & { maxBytes: number; budget?: number }>();
  const wish = { ...options, maxBytesRatio: maxBytes, budgetCpuSeconds: budget };
  if (action !== undefined && !isAction(action)) {
    throw new UsageError(`"${action.slice(0, 50)}" is none of ${ACTIONS.join(', ')}`);
  }
  const view = createView(options.json);
  const session = await Session.open(loadConfig(), {}, (line) => view.note(line));
  try {
    if (session.embedded) await session.startWorker((line) => view.note(line));
    if (action === 'list') {
      const found = await listCampaigns(session.client, undefined, LISTED);
      view.end();
      process.stdout.write(options.json ? `${JSON.stringify(found)}\n` : lines(found.campaigns));
      return EXIT.ok;
    }
    const id = action === undefined ? await start(session, wish) : checkBatchId(given ?? '');
    if (action !== undefined && action !== 'status') await decide(session, id, action);
    const isAwaited = action === undefined || action === 'approve';
    const found = isAwaited ? await follow(session, id, view, stop) : await describeCampaign(session.client, id);
    view.end();
    process.stdout.write(options.json ? `${JSON.stringify(found)}\n` : text(found));
    return found.phase === 'stopped' && found.settled === undefined ? EXIT.failed : EXIT.ok;
  } finally {
    view.end();
    await session.close();
  }
}

function isAction(word: string): word is Action {
  return (ACTIONS as readonly string[]).includes(word);
}

async function start({ client, config, queuePrefix }: Session, options: Options): Promise<string> {
  const { preset, approveIf, ...wish } = options;
  if (preset === undefined) throw new UsageError('name the new preset: --preset web@new');
  if (approveIf !== undefined && approveIf !== 'within-bounds') {
    throw new UsageError('--approve-if knows the rule within-bounds only');
  }
  const found = await loadPreset(config.presetsDir, preset);
  const input = campaignInput(found, { ...wish, approvesItself: approveIf !== undefined });
  await startCampaign(client, queuePrefix, input);
  return input.id;
}

async function decide(
  { client, queuePrefix }: Session,
  id: string,
  action: Exclude<Action, 'status' | 'list'>,
): Promise<void> {
  if (action === 'approve') await approveCampaign(client, id);
  else await (await settleOutcome(client, queuePrefix, id, action)).result();
}

/** Until the campaign ends, or waits for a person. */
async function follow({ client }: Session, id: string, view: View, stop: AbortSignal): Promise<CampaignView> {
  for (;;) {
    await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
    const found = await describeCampaign(client, id);
    view.step(found.phase, found.made, found.made);
    if (stop.aborted || found.paused || !['canary', 'running'].includes(found.phase)) return found;
  }
}

/** A campaign a line. */
function lines(found: CampaignView[]): string {
  if (found.length === 0) return 'There is no campaign.\n';
  return found
    .map((each) => {
      const { id, made, failed, settled } = each;
      const state = settled === undefined ? stateOf(each) : `${stateOf(each)}, ${settled.how}`;
      return `${id}  ${state}  ${formatCount(made)} made, ${formatCount(failed)} failed\n`;
    })
    .join('');
}

function stateOf({ phase, paused, closedAt }: CampaignView): string {
  return paused && closedAt === undefined ? 'paused' : phase;
}

function text(found: CampaignView): string {
  const { id, phase, reason, made, failed, passedOver, bytesBefore, bytesAfter, cpuSeconds } = found;
  const { compared, lowestSsim, settled, closedAt } = found;
  const lines = [
    `Campaign ${id}: ${stateOf(found)}`,
    ...(reason === undefined ? [] : [`  ${printableText(reason)}`]),
    `  items    ${formatCount(made)} made, ${formatCount(failed)} failed, ${formatCount(passedOver)} passed over`,
    `  bytes    ${formatBytes(bytesBefore)} before, ${formatBytes(bytesAfter)} now`,
    `  cost     ${cpuSeconds.toFixed(1)} CPU s`,
    ...(lowestSsim === undefined ? [] : [`  SSIM     ${lowestSsim.toFixed(3)} at least, of ${formatCount(compared)}`]),
  ];
  if (settled !== undefined) lines.push(`  ${settled.how.padEnd(8)} ${formatCount(settled.items ?? 0)} items`);
  else if (phase === 'awaiting approval') lines.push(`  next     npm run reprocess -- approve|rollback ${id}`);
  else if (closedAt !== undefined) lines.push(`  next     npm run reprocess -- rollback|keep ${id}`);
  return `${lines.join('\n')}\n`;
}

function conditions(words: string): CampaignWhere {
  const found: CampaignWhere = {};
  for (const word of words.split(',')) {
    const [, field, value] = /^\s*(preset|batch|tenant|kind)\s*=\s*(\S+)\s*$/.exec(word) ?? [];
    if (field === undefined || value === undefined) {
      throw new InvalidArgumentError('expected preset=…, batch=…, tenant=… or kind=…, with commas between');
    }
    if (field === 'kind' && !MEDIA_KINDS.some((kind) => kind === value)) {
      throw new InvalidArgumentError(`expected one of ${MEDIA_KINDS.join(', ')} as the kind`);
    }
    Object.assign(found, { [field]: value as MediaKind });
  }
  return found;
}

function cpuSeconds(words: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)cpu-([hms])$/.exec(words) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('expected 6cpu-h, 30cpu-m or 90cpu-s');
  return Number(amount) * { h: 3600, m: 60, s: 1 }[unit as 'h' | 'm' | 's'];
}

function number(most: number): (words: string) => number {
  return (words) => {
    const value = Number(words);
    if (words.trim() !== '' && value >= 0 && value <= most) return value;
    throw new InvalidArgumentError(`expected a number from 0 to ${most}`);
  };
}

runCommand(main);
