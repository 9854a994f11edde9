/**
 * `npm run start-batch 2000`, or `npm run start-batch -- --input ./photos`: submits one workflow an item and shows them
 * until all are done. Where nobody named a Temporal server, it brings one along, and a worker.
 *
 * From here to the pixel: submission.ts has core/submit.ts start a workflow of workflows/, which calls
 * activities/, which have media/ do the work and storage/ publish it.
 */
import { availableCores } from '../../common/cores';
import { loadConfig, type Config } from '../../common/config';
import { configuredAddress } from '../../temporal/connect';
import { loadPreset, modelsOf } from '../../media/presets';
import { cachedPresets } from '../core/job';
import { ensureFfmpeg } from '../../local/embedded/ffmpeg';
import { checkInput, UsageError } from '../inputs';
import { ensureSamples } from '../../local/samples';
import { newSubmission } from './follow';
import { samplesFolder, whatIsNamed } from './places';
import { Session } from './session';
import { planSubmission, submitAndFollow } from './submission';
import { ensureModels } from '../../local/embedded/models';
import { runThroughApi } from './through-api';
import { coloursFor } from './ui/colours';
import { EXIT, Interrupted, runCommand } from './ui/command';
import { parseBatchOptions, type BatchOptions } from './ui/options';
import { Outages, patienceFor } from './ui/outages';
import { isGood, summaryOf, summaryText, type Summary } from './ui/summary';
import { createView, type View } from './ui/view';

async function main(stop: AbortSignal): Promise<number> {
  const options = parseBatchOptions(process.argv.slice(2), process.cwd());
  const config = loadConfig();
  const presets = cachedPresets((name) => loadPreset(config.presetsDir, name));
  const preset = await presets(options.preset).catch((error: Error) => {
    throw new UsageError(`--preset ${options.preset}: ${error.message}`);
  });
  const { batchId, outputs } = planSubmission(config, options);
  await checkInput(options.input);

  const view = createView(options.json);
  const report = (line: string): void => view.note(line);
  await makeSamples(config, options, view, stop);
  if (options.api !== undefined) {
    return finish(await runThroughApi(options.api, config, options, view, stop), options, config, view);
  }
  const outages = new Outages(report);
  const session = await Session.open(config, whatIsNamed(options), report, patienceFor(outages, stop));
  outages.passed();
  try {
    view.note(`Batch ${batchId}: ${session.batchUrl(batchId) ?? session.server.address}`);
    if (session.embedded && modelsOf(preset).length > 0) ensureModels();
    if (session.embedded && options.wait) await session.startWorker(report);
    stop.throwIfAborted();
    const submission = newSubmission(batchId, outputs, outages);
    await submitAndFollow(session, submission, options, presets, view, stop);
    if (session.embedded && !options.wait)
      view.note('They wait for a worker: npm run worker, or the same command without --no-wait.');
    return finish(summaryOf(submission), options, config, view);
  } catch (error) {
    view.end();
    if (error instanceof Interrupted && session.embedded && options.wait) {
      view.note('Stopping: what is being worked on is finished first (Ctrl-C again stops at once).');
    }
    throw error;
  } finally {
    await session.close();
  }
}

/** Samples need ffmpeg, and so does the worker that runs beside an embedded server. */
async function makeSamples(config: Config, { input }: BatchOptions, view: View, stop: AbortSignal): Promise<void> {
  if (input.type !== 'samples') {
    if (configuredAddress(config) === undefined) await ensureFfmpeg(config, (line) => view.note(line));
    return;
  }
  const { ffmpeg } = await ensureFfmpeg(config, (line) => view.note(line));
  await ensureSamples({
    folder: samplesFolder(config),
    count: input.count,
    ffmpeg,
    lanes: availableCores(),
    signal: stop,
    onProgress: (made, total) => view.step('Making samples', made, total),
  }).finally(() => view.end());
}

/** Prints the summary. @returns the exit code */
function finish(summary: Summary, { input, json, wait }: BatchOptions, config: Config, view: View): number {
  if (summary.submitted === 0) view.note(nothingIn(input, summary.ignored));
  view.end();
  const colours = coloursFor(process.stdout, config.noColor !== undefined);
  process.stdout.write(`${json ? JSON.stringify(summary) : summaryText(summary, colours, wait)}\n`);
  // Nothing to do is no success: the name may be mistyped.
  return summary.submitted > 0 && isGood(summary, wait) ? EXIT.ok : EXIT.failed;
}

function nothingIn({ type, name }: BatchOptions['input'], ignored: number): string {
  if (ignored > 0) return `There is no media file in ${name}; --all-files submits the ${ignored} other files.`;
  return type === 'folder' ? `There is no file in ${name}.` : `There is no job in ${name}.`;
}

runCommand(main);
