import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CaptionTrack } from '../../../common/video-facts';
import { DarkroomError } from '../../../common/errors';
import { fileUrl, inputStart, type FfmpegCommand } from '../ffmpeg/command';
import { copyBounds } from '../ffmpeg/bounds';
import { runFfmpeg } from '../ffmpeg/run';
import type { CaptionStream, StepInput, VideoFile } from '../types';
import { cutCues, MAX_CAPTION_BYTES, readCues, toWebVtt, type Cue } from './cues';
import { decodeCaptions } from './decode';
import { languageName, languageTag } from './languages';

/** Text tracks that ffmpeg turns into WebVTT; its decoders' names. Pictures of text are not among them. */
export const TEXT_CODECS = ['subrip', 'srt', 'ass', 'ssa', 'webvtt', 'mov_text', 'text'];
/** Text tracks of one source, at most; the others are left out with a warning. */
const MAX_TRACKS = 40;

/** Captions that lie beside a source. */
export interface Sidecar {
  /** Path on this machine. */
  file: string;
  language: string;
  forced?: boolean;
  sdh?: boolean;
}

export interface CaptionsInput extends StepInput {
  sidecars: readonly Sidecar[];
  /** Also the text tracks of the source. */
  embedded: boolean;
}

interface Track {
  cues: Cue[];
  language?: string;
  forced?: boolean;
  sdh?: boolean;
}

/**
 * Captions as WebVTT, on the time of what is made of the source: first the sidecars, then the source's own text tracks.
 * @returns files `captions-<language>.vtt`, and sentences about what was left out
 * @throws DarkroomError UnsupportedMedia or MediaTooLarge for a sidecar that is no captions; as runFfmpeg does
 */
export async function makeCaptions(input: CaptionsInput): Promise<{ files: VideoFile[]; warnings: string[] }> {
  const { probe, outputDir, sidecars } = input;
  const warnings: string[] = [];
  const tracks: Track[] = [];
  for (const sidecar of sidecars) tracks.push(await readSidecar(sidecar, warnings));
  if (input.embedded) tracks.push(...(await readEmbedded(input, warnings)));
  const { start = 0, seconds = probe.durationSeconds } = probe.clip ?? {};
  const names = new Set<string>();
  const files: VideoFile[] = [];
  for (const { cues, language = 'und', forced, sdh } of tracks) {
    const text = toWebVtt(cutCues(cues, start, seconds));
    const name = unused(
      ['captions', language.toLowerCase(), ...(forced ? ['forced'] : []), ...(sdh ? ['sdh'] : [])],
      names,
    );
    const file = path.resolve(outputDir, `${name}.vtt`);
    await writeFile(file, text);
    const track: CaptionTrack = { language, label: labelOf(language), ...(forced && { forced }), ...(sdh && { sdh }) };
    const sha256 = createHash('sha256').update(text).digest('hex');
    files.push({ name, role: 'captions', mime: 'text/vtt', file, bytes: Buffer.byteLength(text), sha256, track });
  }
  return { files, warnings };
}

function labelOf(language: string): string {
  return language === 'und' ? 'Captions' : languageName(language);
}

function unused(words: string[], names: Set<string>): string {
  const base = words.join('-').replace(/[^a-z0-9-]/g, '');
  let name = base;
  for (let number = 2; names.has(name); number++) name = `${base}-${number}`;
  names.add(name);
  return name;
}

async function readSidecar({ file, language, forced, sdh }: Sidecar, warnings: string[]): Promise<Track> {
  const bytes = await readFile(file);
  try {
    const { text, guessed } = decodeCaptions(bytes);
    if (guessed !== undefined) warnings.push(`The captions for ${language} were read as ${guessed}.`);
    const cues = readCues(text);
    return { cues, ...(languageTag(language) && { language: languageTag(language) }), forced, sdh };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new DarkroomError('UnsupportedMedia', `The captions for ${language} ${problem}.`);
  }
}

/** All text tracks of the source, by one reading of it. A track that cannot be read is left out. */
async function readEmbedded(input: CaptionsInput, warnings: string[]): Promise<Track[]> {
  const all = input.probe.captions ?? [];
  const streams = all.filter(({ codec }) => TEXT_CODECS.includes(codec)).slice(0, MAX_TRACKS);
  const pictures = all.length - streams.length;
  if (pictures > 0) warnings.push(`${pictures} tracks of captions were left out: they are pictures, or too many.`);
  if (streams.length === 0) return [];
  const { settings, signal, onProgress } = input;
  const fileOf = ({ index }: CaptionStream) => path.resolve(input.outputDir, `captions-${index}.part`);
  try {
    await runFfmpeg(extractCommand(input, streams, fileOf), { settings, signal, onProgress });
    const tracks: Track[] = [];
    for (const stream of streams) {
      const { language, forced, sdh } = stream;
      try {
        tracks.push({ cues: readCues(await readFile(fileOf(stream), 'utf8')), language, forced, sdh });
      } catch (error) {
        warnings.push(`The captions of track ${stream.index} were left out: they ${String((error as Error).message)}.`);
      }
    }
    return tracks.filter(({ cues }) => cues.length > 0);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof DarkroomError) || error.type === 'StorageUnavailable') throw error;
    warnings.push('The captions in the file were left out: they cannot be read.');
    return [];
  } finally {
    await Promise.all(streams.map((stream) => rm(fileOf(stream), { force: true })));
  }
}

function extractCommand(
  { input, probe, settings }: CaptionsInput,
  streams: CaptionStream[],
  fileOf: (stream: CaptionStream) => string,
): FfmpegCommand {
  const whole = (probe.clip?.start ?? 0) + (probe.clip?.seconds ?? probe.durationSeconds);
  return {
    inputs: [
      {
        options: [...inputStart(settings.threads), '-codec_whitelist:s', TEXT_CODECS.join(',')],
        file: fileUrl(path.resolve(input)),
      },
    ],
    outputs: [
      // Texts are rare; the copied pictures show how far the reading is.
      { options: ['-map', `0:${probe.video.index}`, '-c', 'copy', '-f', 'null'], file: '-' },
      ...streams.map((stream) => ({
        options: ['-map', `0:${stream.index}`, '-c:s', 'webvtt', '-map_metadata', '-1', '-f', 'webvtt'],
        file: fileUrl(fileOf(stream)),
      })),
    ],
    bounds: copyBounds(whole, MAX_CAPTION_BYTES),
  };
}
