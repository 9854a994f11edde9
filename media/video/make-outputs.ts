import { rm } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../common/errors';
import { fileFacts, finished } from './check/finish';
import { compose, type Composition } from './compose';
import { runFfmpeg } from './ffmpeg/run';
import type { Branch } from './outputs/branch';
import { posterBranch } from './outputs/poster';
import { previewBranch } from './outputs/preview';
import { rungBranch } from './outputs/rung';
import { measureSounds } from './outputs/loudness';
import { soundBranch, trackBranch } from './outputs/sound';
import { spriteBranch } from './outputs/sprite';
import { reachQuality } from './quality';
import type { BranchId, Range, RungPlan, SoundFiles, StepInput, VideoFile, VideoPlan } from './types';

export interface OutputsInput extends StepInput {
  plan: VideoPlan;
  /** What of the plan to make; absent: all rungs, the poster, the preview and the sprite. */
  branches?: readonly BranchId[];
  /** What the cues of the storyboard call a finished sheet; absent: its name (`sprite-0`). */
  sheetName?: (sheet: VideoFile) => string;
  /** Sound that an earlier run made (`sound:<kbit/s>`): rungs with that bitrate copy it. */
  soundFiles?: SoundFiles;
  /** Only this piece of the pictures of the rungs, without sound. */
  range?: Range;
  /** Seconds of the source from which a part of it is decoded; absent: a little before the part. */
  decodeFrom?: number;
}

/**
 * Makes any part of a plan with one ffmpeg and one decode, checks every file, and returns them in the plan's order: rungs,
 * sound, poster, preview, sprite sheets, storyboard. Rungs that miss the plan's `quality` are made again. Nothing is left
 * of a run that does not end well.
 * @throws DarkroomError CorruptMedia where the source breaks off, does not decode or is longer than stated; MediaTooLarge
 * where it exceeds a limit; UnsupportedMedia; EncoderFailed; StorageUnavailable. After an abort the signal's reason
 */
export async function makeOutputs(input: OutputsInput): Promise<VideoFile[]> {
  const branches = branchesOf(input);
  const names = branches.flatMap((branch) => branch.names);
  return finished(input.outputDir, names, () =>
    makeAll(input, branches).catch((error: unknown) => {
      // The pictures at a keyframe may need earlier ones; from the beginning on, it is damage.
      if (!input.probe.clip || input.range || !isOfDecoder(error)) throw error;
      return makeAll({ ...input, decodeFrom: 0 }, branches);
    }),
  );
}

/** ffmpeg ended by itself, because of what it read. */
export function isOfDecoder(error: unknown): boolean {
  return error instanceof DarkroomError && error.details['reason'] === 'exit' && error.details['exitCode'] === 1;
}

async function makeAll(input: OutputsInput, branches: Branch[]): Promise<VideoFile[]> {
  const { settings } = input;
  const partOf = (name: string) => `${path.resolve(input.outputDir, name)}.part`;
  const base = { ...input, input: path.resolve(input.input), branches, partOf, threads: settings.threads };
  const levels = await measureSounds(input, { ...base, branches: ofRun(branches) });
  const composition = { ...base, levels };
  try {
    const files = await makeOnce(input, composition);
    return await reachQuality(input, composition, files, (rungs) =>
      makeOnce(input, { ...composition, branches: rungBranches(input, rungs) }),
    );
  } finally {
    const names = branches.flatMap((branch) => branch.temporary ?? []);
    await Promise.all(names.map((name) => rm(partOf(name), { force: true })));
  }
}

/** One run of ffmpeg for the branches of a composition, and their checks. */
async function makeOnce(input: OutputsInput, composition: Composition): Promise<VideoFile[]> {
  const { settings, signal, onProgress } = input;
  const { branches, partOf } = composition;
  const cwd = path.resolve(input.outputDir);
  const run = ofRun(branches);
  if (run.length > 0) {
    await runFfmpeg(compose({ ...composition, branches: run }), { settings, signal, onProgress, cwd });
  }
  const measure = async (name: string) => ({
    file: path.resolve(cwd, name),
    ...(await fileFacts(partOf(name), input)),
  });
  const files: VideoFile[] = [];
  for (const branch of branches) files.push(...(await branch.finish({ step: input, partOf, measure })));
  return files;
}

/** Those that ffmpeg makes in the one run; the others start their own. */
function ofRun(branches: Branch[]): Branch[] {
  return branches.filter(({ id }) => id !== 'preview' && (id !== 'poster' || ridesAlong(branches)));
}

/** A poster comes out of a run that decodes the pictures well anyway; otherwise seeking for it is cheaper, or better. */
function ridesAlong(branches: Branch[]): boolean {
  return branches.some(({ films = [] }) => films.some(({ picture }) => picture !== undefined));
}

function rungBranches({ probe, range, marks }: OutputsInput, rungs: RungPlan[]): Branch[] {
  const heard = rungs.map((rung) => (range ? { ...rung, audioBitrate: undefined } : rung));
  return heard.map((rung) => rungBranch(probe, rung, range, marks?.[`rung:${rung.name}`]));
}

function branchesOf(input: OutputsInput): Branch[] {
  const { plan, branches, probe, sheetName = ({ name }) => name } = input;
  const wanted = new Set<BranchId>(branches ?? branchIds(plan));
  const all: Branch[] = [
    ...rungBranches(input, plan.rungs),
    ...soundBitrates(plan).map(soundBranch),
    ...(plan.tracks ?? []).map(trackBranch),
    ...(plan.poster ? [posterBranch(plan.poster)] : []),
    ...(plan.preview ? [previewBranch(plan.preview)] : []),
    ...(plan.sprite ? [spriteBranch(probe, plan.sprite, sheetName)] : []),
  ];
  const chosen = all.filter(({ id }) => wanted.has(id));
  const missing = [...wanted].filter((id) => !all.some((branch) => branch.id === id));
  if (missing.length > 0) throw new Error(`the plan has no ${missing.join(', ')}`);
  return chosen;
}

/** Everything in a plan, each rung with its own sound. */
export function branchIds(plan: VideoPlan): BranchId[] {
  return [
    ...plan.rungs.map(({ name }): BranchId => `rung:${name}`),
    ...(plan.tracks ?? []).map(({ name }): BranchId => `track:${name}`),
    ...(plan.poster ? (['poster'] as const) : []),
    ...(plan.preview ? (['preview'] as const) : []),
    ...(plan.sprite ? (['sprite'] as const) : []),
  ];
}

/** The different bitrates that the rungs of a plan have for their sound, kbit/s. */
export function soundBitrates(plan: VideoPlan): number[] {
  return [...new Set(plan.rungs.flatMap(({ audioBitrate }) => audioBitrate ?? []))];
}
