import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fraction } from '../fraction';
import { videoRange } from '../hdr';
import { badOutput } from '../check/finish';
import { readMp4 } from '../check/mp4';
import type { CaptionTrack } from '../../../common/video-facts';
import type { HlsFile, HlsPackage, HlsPlan, RungPlan, SoundTrack, StepInput } from '../types';
import { KEYFRAMES, MAIN_SOUND, MASTER, MPD, pictureFolder, PLAYLIST } from './command';
import { dashManifest } from './dash';
import { keyframePeak, multivariant, type Segment } from './playlist';
import { soundGroups, type Sound } from './sounds';
import { cutText, type Text } from './texts';
import { fileOf } from './file-of';
import { cutTrack, type Cut, type Input, type Track } from './track';

export type PackageInput = Omit<StepInput, 'input' | 'probe' | 'maxDuration'> & {
  hls: HlsPlan;
  /** The finished MP4s, as they were published. */
  rungs: { plan: RungPlan; file: string }[];
  /** Finished sounds beside that of the rungs. */
  sounds?: { track: SoundTrack; file: string }[];
  /** Finished captions. */
  captions?: { name: string; file: string; track: CaptionTrack }[];
};

/** A sound that is cut. */
export type Heard = Sound & { track: Track };

interface Rung {
  plan: RungPlan;
  mp4: Input;
}

/**
 * Makes HLS of finished MP4s, in `hls/` of the output folder: the pictures of each rung, the sound once, from the rung
 * that has most of it, and a multivariant playlist with what was measured. Nothing is encoded and nothing decoded.
 * @throws DarkroomError EncoderFailed where what was cut is not whole or the rungs do not line up
 */
export async function packageHls(step: PackageInput): Promise<HlsPackage> {
  const { settings, signal, onProgress } = step;
  const root = path.join(step.outputDir, 'hls');
  const cut: Cut = { settings, signal, onProgress, root, segmentSeconds: step.hls.segmentSeconds };
  try {
    await mkdir(root);
    const rungs: Rung[] = [];
    for (const { plan, file } of step.rungs) rungs.push({ plan, mp4: { file, facts: await readMp4(file) } });
    const pictures: Track[] = [];
    for (const { plan, mp4 } of rungs) pictures.push(await cutTrack(cut, pictureFolder(plan.name), 'video', mp4));
    checkAligned(pictures.map(({ segments }) => segments));
    const loudest = mostSound(rungs);
    const { language } = step.hls;
    const sounds: Heard[] = [];
    if (loudest) {
      const track = await cutTrack(cut, MAIN_SOUND, 'audio', loudest.mp4);
      sounds.push({ track, channels: 2, ...(language && { language }) });
    }
    for (const { track: plan, file } of loudest ? (step.sounds ?? []) : []) {
      const track = await cutTrack(cut, plan.name, 'audio', { file, facts: await readMp4(file) });
      sounds.push({ track, channels: plan.channels, ...(plan.language && { language: plan.language }) });
    }
    const durationSeconds = Math.max(...rungs.map(({ mp4 }) => mp4.facts.durationSeconds));
    const texts: Text[] = [];
    for (const each of step.captions ?? []) texts.push(await cutText(root, each, durationSeconds));
    const text = Buffer.from(multivariant(variants(step.rungs, pictures), soundGroups(sounds), texts));
    await writeFile(path.join(root, MASTER), text);
    const tracks = [...pictures, ...sounds.map(({ track }) => track)];
    const files = [...tracks, ...texts].flatMap((each) => each.files);
    return {
      playlist: fileOf(text, MASTER, path.join(root, MASTER), 'application/vnd.apple.mpegurl'),
      files,
      segments: tracks.reduce((sum, { segments }) => sum + segments.length, 0),
      durationSeconds,
      ...(step.hls.dash && { dash: await writeDash(root, step.rungs, pictures, sounds, durationSeconds, texts) }),
    };
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }
}

/** The second manifest over the same segments. */
async function writeDash(root: string, ...parts: Parameters<typeof dashOf>): Promise<HlsFile> {
  const text = Buffer.from(dashOf(...parts));
  await writeFile(path.join(root, MPD), text);
  return fileOf(text, MPD, path.join(root, MPD), 'application/dash+xml');
}

/** The manifest of DASH over the tracks of a stream. */
export function dashOf(
  rungs: readonly { plan: RungPlan }[],
  pictures: Track[],
  sounds: Heard[],
  durationSeconds: number,
  texts: Text[],
): string {
  const of = (track: Track, fps?: string) => ({ folder: path.posix.dirname(track.uri), track, fps });
  const films = pictures.map((track, index) => of(track, rungs[index]?.plan.fps));
  const heard = sounds.map(({ track, ...rest }) => ({ ...of(track), ...rest }));
  return dashManifest(films, heard, durationSeconds, texts);
}

function mostSound(rungs: Rung[]): Rung | undefined {
  const heard = rungs.filter(({ mp4 }) => mp4.facts.audio !== undefined);
  return heard.sort((a, b) => (b.plan.audioBitrate ?? 0) - (a.plan.audioBitrate ?? 0))[0];
}

/** What the multivariant playlist says of each rung. */
export function variants(rungs: readonly { plan: RungPlan }[], pictures: Track[]) {
  return pictures.map(({ uri, header, peak, average, segments, fragments }, index) => {
    const { num, den } = fraction(rungs[index]?.plan.fps);
    return {
      uri,
      ...{ peak, average, codec: header.codecs },
      width: header.video?.width ?? 0,
      height: header.video?.height ?? 0,
      rate: num / den,
      range: videoRange(header.video?.colour?.transfer),
      keyframes: { uri: uri.replace(PLAYLIST, KEYFRAMES), peak: keyframePeak(segments, fragments) },
    };
  });
}

/** A player changes rungs between segments, so each has to begin where its neighbours begin. The last may end later. */
export function checkAligned(rungs: Segment[][]): void {
  const starts = rungs.map((segments) => {
    let at = 0;
    return segments.map(({ seconds }) => (at += seconds) - seconds);
  });
  const [first = [], ...others] = starts;
  for (const other of others) {
    const differs = first.some((at, index) => Math.abs(at - (other[index] ?? at)) > 0.002);
    if (differs || Math.abs(first.length - other.length) > 1) {
      throw badOutput('The rungs of the stream do not line up.', { segments: first.length, others: other.length });
    }
  }
}
