import { makeOutputs } from './make-outputs';
import type { PosterPlan, RungPlan, SpritePlan, StepInput, VideoFile } from './types';

/** One MP4 of the ladder, as `<rung name>.mp4` in the output folder. */
export async function encodeRung(step: StepInput & { rung: RungPlan }): Promise<VideoFile> {
  return only(await makeOutputs({ ...step, plan: { rungs: [step.rung] } }));
}

/** The picture that stands for the video, as `poster.webp` or `poster.jpg`. */
export async function makePoster(step: StepInput & { poster: PosterPlan }): Promise<VideoFile> {
  return only(await makeOutputs({ ...step, plan: { rungs: [], poster: step.poster } }));
}

export interface SpriteInput extends StepInput {
  sprite: SpritePlan;
  /** What the cues call a finished sheet: its published name, relative to the storyboard. */
  sheetName: (sheet: VideoFile) => string;
}

/** Sheets of thumbnails (`sprite-0.jpg`, …) and the WebVTT storyboard over them (`storyboard.vtt`), the storyboard last. */
export async function makeSprite(step: SpriteInput): Promise<VideoFile[]> {
  return makeOutputs({ ...step, plan: { rungs: [], sprite: step.sprite } });
}

function only([file]: VideoFile[]): VideoFile {
  if (file === undefined) throw new Error('nothing was made');
  return file;
}
