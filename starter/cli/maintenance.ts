/** `npm run maintenance [-- --cleanup]`: counts, or removes, what is left over in stores and on scratch disks. */
import { InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../../common/config';
import {
  DEAD_LETTERS,
  MAINTENANCE_STEP_NAMES,
  MAINTENANCE_STEPS,
  type DeadLetters,
  type MaintenanceInput,
  type MaintenanceResult,
  type MaintenanceStep,
  type StepResult,
} from '../../common/maintenance';
import { runMaintenance } from '../core/maintenance';
import { Session } from './session';
import { EXIT, runCommand } from './ui/command';
import { formatBytes, formatCount, printableText } from './ui/format';
import { command } from './ui/options';
import { createView } from './ui/view';

interface Options {
  cleanup: boolean;
  verbose: boolean;
  json: boolean;
  only: MaintenanceStep[];
  deadLetters: DeadLetters;
}

async function main(): Promise<number> {
  const about = Object.entries(MAINTENANCE_STEPS).map(([name, what]) => `  ${name.padEnd(11)} ${what}`);
  const parser = command('maintenance', 'Counts what is not needed any more; with --cleanup, removes it.')
    .option('--cleanup', 'remove it', false)
    .option('--only <steps>', `some of ${MAINTENANCE_STEP_NAMES.join(',')}`, steps, MAINTENANCE_STEP_NAMES)
    .addOption(
      new Option('--dead-letters <what>', 'what --cleanup does with dead letters of the queue of jobs')
        .choices(DEAD_LETTERS)
        .default('keep'),
    )
    .option('--verbose', 'name the first hundred files of each step', false)
    .option('--json', 'one JSON object on stdout', false)
    .addHelpText('after', `\nSteps:\n${about.join('\n')}`);
  parser.parse(process.argv);
  const { cleanup, verbose, json, only, deadLetters } = parser.opts<Options>();
  const input: MaintenanceInput = { cleanup, steps: only, deadLetters };
  const view = createView(json);
  const session = await Session.open(loadConfig(), {}, (line) => view.note(line));
  try {
    if (session.embedded) await session.startWorker((line) => view.note(line));
    const result = await runMaintenance(session.client, session.queuePrefix, input);
    view.end();
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else {
      if (isOther(result, input))
        view.note(`Another maintenance was running (${flagsOf(result)}); this is its result.`);
      process.stdout.write(`${result.steps.flatMap((step) => lines(step, verbose)).join('\n')}\n`);
    }
    return result.steps.some(({ error }) => error !== undefined) ? EXIT.failed : EXIT.ok;
  } finally {
    await session.close();
  }
}

function steps(text: string): MaintenanceStep[] {
  const names = text.split(',').filter(Boolean);
  const isStep = (name: string): name is MaintenanceStep => Object.hasOwn(MAINTENANCE_STEPS, name);
  if (names.length > 0 && names.every(isStep)) return [...new Set(names)];
  throw new InvalidArgumentError(`expected some of ${MAINTENANCE_STEP_NAMES.join(',')}`);
}

/** Was the run that answered started for something else? */
function isOther(result: MaintenanceResult, input: MaintenanceInput): boolean {
  const steps = result.steps.map(({ step }) => step).join();
  return flagsOf(result) !== flagsOf(input) || steps !== input.steps.join();
}

function flagsOf({ cleanup, deadLetters = 'keep' }: Pick<MaintenanceInput, 'cleanup' | 'deadLetters'>): string {
  return `${cleanup ? 'with' : 'without'} --cleanup, --dead-letters ${deadLetters}`;
}

function lines({ step, found, removed, bytes, examples, note, error }: StepResult, verbose: boolean): string[] {
  if (error !== undefined) return [`${step.padEnd(11)} failed: ${printableText(error)}`];
  const line = `${step.padEnd(11)} ${formatCount(found)} found, ${formatCount(removed)} removed, ${formatBytes(bytes)}`;
  const names = verbose ? examples.map((name) => `  ${printableText(name)}`) : [];
  return [line, ...(note === undefined ? [] : [`${' '.repeat(11)} ${printableText(note)}`]), ...names];
}

runCommand(main);
