import { stat } from 'node:fs/promises';
import { DarkroomError } from '../../common/errors';
import { sniffFile } from '../sniff';
import type { FfmpegSettings, StepProgress } from '../video';
import { ffprobeArgs } from '../video/ffmpeg/command';
import { codedAs, toVideoError } from '../video/ffmpeg/video-failures';
import { countPackets, runFfprobe } from '../video/probe/probe';
import { countStreams, soundStream, type FfprobeJson, type FfprobeStream } from '../video/probe/probe-facts';
import { known, positive, streamDuration } from '../video/probe/values';
import { statesDuration } from './mp3';
import { isCutShort } from './ogg';
import type { AudioLimits, AudioProbe } from './types';

/** ffmpeg's demuxers for each sniffed type. A file of one type is never read as another. */
const DEMUXERS: Record<string, string> = {
  // A tag of the MP3 family may stand before other sound, too.
  mp3: 'mp3,aac,flac',
  aac: 'aac',
  flac: 'flac',
  wav: 'wav',
  ogg: 'ogg',
  webm: 'matroska,webm',
  mkv: 'matroska,webm',
  avi: 'avi',
  flv: 'flv',
  asf: 'asf',
  mpegps: 'mpeg',
  mpegts: 'mpegts',
  mxf: 'mxf',
  dv: 'dv',
};
const ISO = 'mov,mp4,m4a,3gp';

/** Formats without a header for the whole: what ffprobe says of their duration is a guess. */
const COUNTED = ['aac', 'mpegts', 'mpegps'];

/** Tags that a preset may keep. */
const TAGS = ['title', 'artist', 'album', 'album_artist', 'composer', 'genre', 'date', 'track', 'disc', 'copyright'];
/** Characters of one tag. */
const MAX_TAG = 500;
const ENTRIES = [
  `format=duration,size:format_tags=${TAGS.join(',')}`,
  'stream=index,codec_type,codec_name,codec_tag_string,width,height,duration,channels,sample_rate',
  `stream_disposition=attached_pic,default:stream_tags=DURATION,${TAGS.join(',')}`,
].join(':');

/** Sample entries of MP4 whose sound is encrypted: FairPlay, and the common encryption of MPEG. */
const ENCRYPTED = ['drms', 'enca'];
const MAX_CHANNELS = 32;
/** Hz */
const MAX_RATE = 768_000;

/** The demuxers that may read a file, by its sniffed type. */
export function demuxersOf(format: string): string {
  return DEMUXERS[format] ?? ISO;
}

/**
 * Finds out what a file with sound is, with one ffprobe (two where the file does not state its duration).
 * @throws DarkroomError UnsupportedMedia, CorruptMedia or MediaTooLarge; EncoderFailed where ffprobe itself broke down
 */
export async function probeAudio(
  input: string,
  limits: AudioLimits,
  settings: FfmpegSettings,
  signal?: AbortSignal,
  onProgress?: (progress: StepProgress) => void,
): Promise<AudioProbe> {
  signal?.throwIfAborted();
  const format = await sniffAudio(input);
  const formats = demuxersOf(format);
  const json = await ffprobe(input, formats, settings, signal);
  const streams = json.streams ?? [];
  const count = countStreams(json);
  if (count > limits.maxStreams) {
    throw new DarkroomError('MediaTooLarge', `The file has ${count} streams; ${limits.maxStreams} are allowed.`);
  }
  const sound = soundStream(json);
  if (sound === undefined || ENCRYPTED.includes(sound.codec_tag_string ?? '')) throw withoutSound(streams);
  const [channels, sampleRate] = [Number(sound.channels), Number(sound.sample_rate ?? 0)];
  if (!(sampleRate > 0)) throw new DarkroomError('CorruptMedia', 'The audio is damaged: it states no sampling rate.');
  if (channels > MAX_CHANNELS || sampleRate > MAX_RATE) {
    const sentence = `The audio has ${channels} channels at ${sampleRate} Hz; ${MAX_CHANNELS} at ${MAX_RATE} Hz are allowed.`;
    throw new DarkroomError('MediaTooLarge', sentence, { channels, sampleRate });
  }
  if (format === 'ogg' && (await isCutShort(input))) throw new DarkroomError('CorruptMedia', 'The audio is cut short.');
  const counted = () => countPackets(input, sound.index, settings, signal, onProgress, formats, 'audio');
  const durationSeconds = (await statedDuration(input, format, json, sound)) ?? (await counted())?.durationSeconds;
  if (durationSeconds === undefined) throw new DarkroomError('CorruptMedia', 'The file has no sound that can be read.');
  if (durationSeconds > limits.maxDuration / 1000) {
    throw new DarkroomError(
      'MediaTooLarge',
      `The audio is ${Math.ceil(durationSeconds)} s long; ${limits.maxDuration / 1000} s are allowed.`,
    );
  }
  const cover = streams.find(({ disposition, codec_name }) => disposition?.attached_pic && known(codec_name));
  return {
    ...{ format, durationSeconds, index: sound.index },
    facts: { codec: sound.codec_name ?? '', channels, sampleRate },
    ...(cover && { cover: cover.index }),
    tags: { ...tagsOf(sound.tags), ...tagsOf(json.format?.tags) },
  };
}

/** The type by first bytes; videos too, since their sound can be asked for. */
async function sniffAudio(input: string): Promise<string> {
  const { size } = await stat(input);
  if (size === 0) throw new DarkroomError('CorruptMedia', 'The file is empty.');
  const sniffed = await sniffFile(input);
  if (sniffed === undefined) throw new DarkroomError('UnsupportedMedia', 'The file is of no type that Darkroom knows.');
  const { kind, format, name } = sniffed;
  if (format === 'm4p') throw protectedMedia(name);
  if (kind === 'audio' || kind === 'video') return format;
  throw new DarkroomError('UnsupportedMedia', `The file is not audio: it is ${name}.`);
}

function protectedMedia(name: string): DarkroomError {
  return new DarkroomError('UnsupportedMedia', `The file is ${name}: its sound is encrypted and cannot be read.`);
}

function withoutSound(streams: FfprobeStream[]): DarkroomError {
  const sound = streams.find(({ codec_type }) => codec_type === 'audio');
  const tag = sound?.codec_tag_string ?? '';
  if (ENCRYPTED.includes(tag)) return protectedMedia(`protected by DRM ("${tag}")`);
  if (sound === undefined) return new DarkroomError('UnsupportedMedia', 'The file has no sound in it.');
  return known(sound.codec_name) || !/^[\w-]{2,4}$/.test(tag)
    ? new DarkroomError('CorruptMedia', 'The audio is damaged: its sound cannot be read.')
    : new DarkroomError('UnsupportedMedia', codedAs(tag));
}

/** Seconds, where the file says: a guess from the rate of its beginning is worth nothing. */
async function statedDuration(
  input: string,
  format: string,
  json: FfprobeJson,
  sound: FfprobeStream,
): Promise<number | undefined> {
  if (COUNTED.includes(format) || (format === 'mp3' && !(await statesDuration(input)))) return undefined;
  return streamDuration(sound) ?? positive(json.format?.duration);
}

async function ffprobe(
  input: string,
  formats: string,
  settings: FfmpegSettings,
  signal?: AbortSignal,
): Promise<FfprobeJson> {
  try {
    const { stdout } = await runFfprobe(ffprobeArgs(input, ENTRIES, formats), settings, signal);
    return JSON.parse(stdout) as FfprobeJson;
  } catch (error) {
    throw toVideoError(error, 'audio');
  }
}

function tagsOf(tags: Record<string, string | undefined> = {}): Record<string, string> {
  const kept = Object.entries(tags).flatMap(([name, value = '']) => {
    const known = TAGS.find((tag) => tag === name.toLowerCase());
    // Control characters would end a line of what some players show.
    const text = value.replace(/[\p{Cc}]+/gu, ' ').trim();
    return known === undefined || text === '' ? [] : [[known, text.slice(0, MAX_TAG)]];
  });
  return Object.fromEntries(kept) as Record<string, string>;
}
