/**
 * `npm run corpus -- DIR`: every file of a folder through the real system, by the road of `start-batch --input`, and what
 * became of each. Outputs are removed at the end, and so is a server that was started for it.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../common/config';
import { loadPreset } from '../../media/presets';
import { joinUri } from '../../storage';
import { batchQuery } from '../../temporal/batches/query';
import { stateOf } from '../../temporal/batches/runs';
import { ensureFfmpeg } from '../../local/embedded/ffmpeg';
import { stopTemporalServer } from '../../local/embedded/server-record';
import { failureOf } from '../core/failure';
import { cachedPresets } from '../core/job';
import { sourceOf } from '../core/summary';
import { UsageError } from '../inputs';
import { newSubmission, type Submission } from './follow';
import { whatIsNamed } from './places';
import { Session } from './session';
import { planSubmission, submitAndFollow } from './submission';
import { EXIT, runCommand } from './ui/command';
import { parseBatchOptions, type BatchOptions } from './ui/options';
import { Outages, patienceFor } from './ui/outages';
import { countOutcomes, describeManifest, outcomeTable, type FileOutcome } from './ui/outcomes';
import { createView } from './ui/view';

/** What start-batch takes, with a batch of its own for every run, so that nothing counts as done before. */
function parseOptions(argv: string[]): BatchOptions {
  const options = parseBatchOptions(argv, process.cwd(), {
    name: 'corpus',
    description: 'Tries Darkroom on a folder: what becomes of each file, as a table.',
  });
  if (options.input.type !== 'folder')
    throw new UsageError(`name a folder or s3://bucket/prefix: npm run corpus -- DIR`);
  return { ...options, wait: true, batchId: options.batchId ?? `corpus-${Date.now().toString(36)}` };
}

async function main(stop: AbortSignal): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const config = loadConfig();
  const presets = cachedPresets((name) => loadPreset(config.presetsDir, name));
  const { batchId, outputs } = planSubmission(config, options);
  const view = createView(options.json);
  const report = (line: string): void => view.note(line);
  await ensureFfmpeg(config, report);
  const outages = new Outages(report);
  const session = await Session.open(config, whatIsNamed(options), report, patienceFor(outages, stop));
  try {
    if (session.embedded) await session.startWorker(report);
    stop.throwIfAborted();
    const submission: Submission = newSubmission(batchId, outputs, outages);
    const ignored: string[] = [];
    submission.onIgnored = (uri) => ignored.push(uri);
    await submitAndFollow(session, submission, options, presets, view, stop);
    const files = await outcomesOf(session, submission, ignored, options.input.name);
    view.end();
    const counts = countOutcomes(files);
    process.stdout.write(
      options.json ? `${JSON.stringify({ batchId, ...counts, files })}\n` : `${outcomeTable(files)}\n`,
    );
    if (files.length === 0) view.note(`There is no file in ${options.input.name}.`);
    return files.length > 0 && counts.open === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await session.close();
    if (options.output === undefined && outputs.startsWith('file:')) {
      await rm(fileURLToPath(outputs), { recursive: true, force: true });
    }
    if (session.server.origin === 'started') await stopTemporalServer(config.home);
  }
}

/** Every file once, by name: what ran, what never became an item, and what was left alone. */
async function outcomesOf(
  { client, storage }: Session,
  { batchId, outputs, refused }: Submission,
  ignored: string[],
  folder: string,
): Promise<FileOutcome[]> {
  const named = (uri: string) => nameIn(folder, uri);
  const files: FileOutcome[] = [
    ...ignored.map((uri) => ({ file: named(uri), outcome: 'ignored' as const, sentence: 'No media by its name.' })),
    ...refused.map(({ source, type, message }) => ({
      ...{ file: named(source), outcome: 'rejected' as const, type, sentence: message },
    })),
  ];
  for await (const run of client.workflow.list({ query: batchQuery(batchId), pageSize: 1000 })) {
    const file = named(sourceOf(run));
    const state = stateOf(run);
    if (state === 'open') files.push({ file, outcome: 'open', sentence: 'It has not ended.' });
    else if (state === 'succeeded') {
      const found = await storage.readManifest(joinUri(outputs, path.posix.basename(run.workflowId)));
      const { warnings = [] } = found?.manifest ?? {};
      const sentence = found === undefined ? 'Published.' : describeManifest(found.manifest);
      files.push({ file, outcome: 'completed', sentence, ...(warnings.length > 0 && { warnings }) });
    } else {
      const { type, message } = await failureOf(client, run.workflowId, run.runId);
      files.push({ file, outcome: state, type, sentence: message });
    }
  }
  return files.sort((a, b) => (a.file < b.file ? -1 : 1));
}

function nameIn(folder: string, uri: string): string {
  const base = `${folder.replace(/\/+$/, '')}/`;
  const name = uri.startsWith(base) ? uri.slice(base.length) : uri;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

runCommand(main);
