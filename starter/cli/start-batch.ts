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
import { loadPreset } from '../../media/presets';
import { cachedPresets } from '../core/job';
import { ensureFfmpeg } from '../../local/embedded/ffmpeg';
import { UsageError } from '../inputs';
import { ensureSamples } from '../../local/samples';
import { summarise } from './follow';
import { samplesFolder, whatIsNamed } from './places';
import { Session } from './session';
import { planSubmission, submitAndFollow } from './submission';
import { runThroughApi } from './through-api';
import { coloursFor } from './ui/colours';
import { EXIT, Interrupted, runCommand } from './ui/command';
import { parseBatchOptions, type BatchOptions } from './ui/options';
import { summaryText, type Summary } from './ui/summary';
import { createView, type View } from './ui/view';

async function main(stop: AbortSignal): Promise<number> {
  const options = parseBatchOptions(process.argv.slice(2), process.cwd());
  const config = loadConfig();
  const presets = cachedPresets((name) => loadPreset(config.presetsDir, name));
  await presets(options.preset).catch((error: Error) => {
    throw new UsageError(`--preset ${options.preset}: ${error.message}`);
  });
  const submission = planSubmission(config, options);

  const view = createView(options.json);
  const report = (line: string): void => view.note(line);
  await makeSamples(config, options, view, stop);
  if (options.api !== undefined) {
    const summary = await runThroughApi(options.api, config, options, view, stop);
    view.end();
    print(summary, options, config);
    return summary.failed > 0 ? EXIT.failed : EXIT.ok;
  }
  const session = await Session.open(config, whatIsNamed(options), report);
  try {
    view.note(`Batch ${submission.batchId}: ${session.batchUrl(submission.batchId) ?? session.server.address}`);
    if (session.embedded && options.wait) await session.startWorker(report);
    stop.throwIfAborted();
    submission.since = submission.startedAt = new Date();

    await submitAndFollow(session, submission, options, presets, view, stop);
    const summary = await summarise(session, submission, options.wait);
    view.end();
    print(summary, options, config);
    if (session.embedded && !options.wait)
      view.note('They wait for a worker: npm run worker, or the same command without --no-wait.');
    return summary.failed > 0 ? EXIT.failed : EXIT.ok;
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

function print(summary: Summary, { json, wait }: BatchOptions, config: Config): void {
  const text = json
    ? JSON.stringify(summary)
    : summaryText(summary, coloursFor(process.stdout, config.noColor !== undefined), wait);
  process.stdout.write(`${text}\n`);
}

runCommand(main);
