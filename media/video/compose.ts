import path from 'node:path';
import { runBounds } from './ffmpeg/bounds';
import { FENCE, fileUrl, inputStart, type FfmpegCommand, type FfmpegOutput } from './ffmpeg/command';
import type { Branch, Film, Pictures, PlainOutput, SoundPlan } from './outputs/branch';
import { fraction } from './fraction';
import { clipOrigin, clipPictures, clipSound, isSeekable, LEAD_SECONDS } from './plan/clip';
import { changesSize, deinterlace, toSdr } from './outputs/filters';
import type { MediaProbe, Range, SoundFiles } from './types';

/** What one ffmpeg is to make of one input, in one decode. */
export interface Composition {
  /** Absolute path. */
  input: string;
  probe: MediaProbe;
  branches: Branch[];
  /** Where a file lies until it is finished; all in one folder, which ffmpeg runs in. */
  partOf: (name: string) => string;
  threads: number;
  /** ms */
  maxDuration: number;
  range?: Range;
  /** Seconds from which a part is decoded; absent: a little before it. */
  decodeFrom?: number;
  /** Sound that is encoded already: it is copied instead. */
  soundFiles?: SoundFiles;
  /** Filters that bring a sound to its level, by {@link soundKey}. */
  levels?: ReadonlyMap<string, string>;
}

/**
 * One command for any set of branches: a shared head (upright, deinterlaced, SDR where several rungs need that), a split,
 * and the branches' own tails. Films come first, since the progress of a run is that of its first output. Films with the
 * same sound share its encoder.
 */
export function compose(composition: Composition): FfmpegCommand {
  const { branches, probe, maxDuration } = composition;
  const films = branches.flatMap((branch) => branch.films ?? []);
  const graph = pictureGraph(
    composition,
    branches.flatMap(({ pictures }) => pictures ?? []),
  );
  const { inputs, sounds } = soundInputs(films, composition.soundFiles);
  return {
    inputs: [mainInput(composition, films), ...inputs],
    ...(graph !== '' && { filterGraph: graph }),
    outputs: [
      ...bySound(films, composition.soundFiles).flatMap((group) => filmOutputs(group, composition, sounds)),
      ...branches.flatMap(({ outputs = [] }) => outputs.map((output) => plainOutput(output, composition))),
      ...readAlong(composition, films),
    ],
    bounds: runBounds(
      probe,
      branches.map(({ makes }) => makes),
      maxDuration,
    ),
  };
}

/** Without these two, a damaged file becomes a shorter or grey video and exit code 0. */
export const STRICT = ['-xerror', '-err_detect', 'explode'];

export function mainInput(composition: Composition, films: Film[]) {
  const { input, probe, threads, branches } = composition;
  // A capture that begins between two keyframes has errors there in any case.
  const strict = probe.startsAt === undefined ? STRICT : [];
  // Thumbnails alone need neither every frame nor clean block edges: that halves the decoding.
  const coarse = branches.every(({ pictures }) => !pictures?.every)
    ? ['-skip_frame', 'noref', '-skip_loop_filter', 'all']
    : [];
  const options = [
    ...inputStart(threads),
    ...from(composition),
    ...(films.length > 0 ? strict : coarse),
    ...steady(probe),
  ];
  return { options, file: fileUrl(input) };
}

/** Where the source is read from. */
function from({ probe, range, decodeFrom }: Composition): string[] {
  const { startsAt = 0, clip } = probe;
  if (range) return seek({ ...range, start: range.start + (clip?.start ?? 0) });
  if (startsAt > 0) return ['-ss', startsAt.toFixed(6)];
  const at = decodeFrom ?? clipOrigin(probe);
  return at > 0 ? ['-noaccurate_seek', '-ss', at.toFixed(6)] : [];
}

/** The time of the source that the filters see as zero: pieces keep the source's times. */
function origin({ probe, range, decodeFrom }: Composition): number {
  return range ? 0 : (decodeFrom ?? clipOrigin(probe));
}

/**
 * Decodes from the keyframe before a range on, and keeps the source's times, so that the filters put every picture where a
 * run over the whole would put it.
 */
export function seek({ start, decodeFrom = Math.max(0, start - LEAD_SECONDS) }: Range): string[] {
  if (start === 0) return [];
  const from = decodeFrom > 0 ? ['-ss', decodeFrom.toFixed(6)] : [];
  return ['-copyts', '-start_at_zero', '-noaccurate_seek', ...from];
}

/** What of a source's changes in mid-stream the input hides from the filters. */
function steady({ video, joined }: MediaProbe): string[] {
  return [
    // The packet at a joint is cut in two.
    ...(joined ? ['-fflags', '+discardcorrupt'] : []),
    // Pictures of another size, as in recordings of calls, go to the same filters, which fit them in (`fit`): new ones would
    // begin their counting anew. Those that turn and deinterlace would read beyond such pictures.
    ...(changesSize(video) ? ['-reinit_filter', '0'] : []),
  ];
}

/** Chains from the one decoded stream to the pads of all branches. */
export function pictureGraph(composition: Composition, pictures: Pictures[]): string {
  if (pictures.length === 0) return '';
  const { probe } = composition;
  const { video } = probe;
  const even = { ...video, interlaced: false };
  const sdr = pictures.filter((each) => each.every && !each.hdr);
  // What takes a few pictures only turns those few into SDR itself.
  const shared = video.hdr && sdr.length > 1 ? sdr : [];
  const tails = pictures.filter((each) => !shared.includes(each)).map((each) => each.chain(even));
  if (shared.length > 0) {
    const [filters, mapped] = toSdr(even, largest(shared));
    const tonemapped = shared.map((each) => each.chain(mapped));
    tails.push(fork([...fastest(shared), ...filters], tonemapped, 'sdr'));
  }
  const head = [...deinterlace(video), ...clipPictures(probe, origin(composition))];
  return `[0:${video.index}]${fork(head, tails, 'source')}`;
}

/** The same pictures for every tail. */
function fork(filters: string[], tails: string[], name: string): string {
  const [only = ''] = tails;
  if (tails.length <= 1) return [...filters, only].join(',');
  const pads = tails.map((_, index) => `[${name}-${index}]`);
  const split = [...filters, `split=${tails.length}`].join(',') + pads.join('');
  return [split, ...tails.map((tail, index) => `${pads[index]}${tail}`)].join(';');
}

function largest(shared: Pictures[]): { width: number; height: number } {
  const sizes = shared.flatMap(({ size }) => size ?? []);
  return sizes.reduce((a, b) => (a.width * a.height >= b.width * b.height ? a : b));
}

/** The rate that is enough for all, where each has one that is lower than the source's. */
function fastest(shared: Pictures[]): string[] {
  const rates = shared.flatMap(({ fps }) => fps ?? []);
  if (rates.length < shared.length) return [];
  const perSecond = (fps: string) => fraction(fps).num / fraction(fps).den;
  return [`fps=${rates.reduce((a, b) => (perSecond(a) >= perSecond(b) ? a : b))}`];
}

/** Films that want the same sound, in groups. Silent ones and those whose sound is copied stand alone. */
function bySound(films: Film[], soundFiles: SoundFiles = {}): Film[][] {
  const groups: Film[][] = [];
  const alike = (a?: SoundPlan, b?: SoundPlan) =>
    a?.kbps === b?.kbps && a?.fromZero === b?.fromZero && a?.index === b?.index && a?.channels === b?.channels;
  for (const film of films) {
    const shares = film.sound !== undefined && soundFiles[film.sound.kbps] === undefined;
    const group = shares ? groups.find(([first]) => alike(first?.sound, film.sound)) : undefined;
    if (group) group.push(film);
    else groups.push([film]);
  }
  return groups;
}

/** What a film says of every stream in it: nothing of the source's, and the index in front. */
const BARE = ['-map_metadata', '-1', '-map_chapters', '-1'];
const FAST_START = '+faststart';

function filmOutputs(group: Film[], composition: Composition, sounds: Map<number, string>): FfmpegOutput[] {
  const [film, ...others] = group;
  if (film === undefined) return [];
  return [others.length === 0 ? singleFilm(film, composition, sounds) : severalFilms(group, composition)];
}

function singleFilm(
  { name, picture, sound }: Film,
  composition: Composition,
  sounds: Map<number, string>,
): FfmpegOutput {
  const copied = sound && sounds.get(sound.kbps);
  const heard = copied === undefined ? sound && encodedSound(sound, composition) : ['-map', copied, '-c:a', 'copy'];
  return {
    options: [
      ...(picture ? ['-map', picture.from] : []),
      ...(heard ? heard.slice(0, 2) : []),
      ...(picture ? ofStream(picture.options(composition.threads), 'v') : []),
      ...(heard ? heard.slice(2) : []),
      ...[...BARE, '-movflags', FAST_START, '-threads', String(composition.threads), '-f', 'mp4'],
    ],
    file: fileUrl(composition.partOf(name)),
  };
}

/**
 * Several films with one sound: the encoders write into one muxer, which hands each film its picture and all of them the
 * sound. Its syntax has no room for paths, so the files are named relative to the folder that ffmpeg runs in.
 */
function severalFilms(films: Film[], composition: Composition): FfmpegOutput {
  const [{ sound } = { sound: undefined }] = films;
  const pictures = films.flatMap(({ picture }) => picture ?? []);
  const heard = sound ? encodedSound(sound, composition) : [];
  let stream = 0;
  const slaves = films.map(({ name, picture }) => {
    const select = [...(picture ? [stream++] : []), pictures.length].join(',');
    return `[f=mp4:movflags=${FAST_START}:select=\\'${select}\\']${path.basename(composition.partOf(name))}`;
  });
  return {
    options: [
      ...pictures.flatMap(({ from }) => ['-map', from]),
      ...heard.slice(0, 2),
      ...pictures.flatMap(({ options }, index) => ofStream(options(composition.threads), `v:${index}`)),
      ...heard.slice(2),
      // MP4 wants the decoder's configuration in front; this muxer does not know what its films will be.
      ...['-flags', '+global_header', ...BARE, '-threads', String(composition.threads), '-f', 'tee'],
    ],
    file: slaves.join('|'),
    writes: films.map(({ name }) => composition.partOf(name)),
  };
}

/** Names and values in turn, as options of one stream. */
function ofStream(options: string[], stream: string): string[] {
  return options.map((word, index) => (index % 2 === 0 ? `-${word}:${stream}` : word));
}

/** AAC, 48 kHz, stereo or 5.1; the map comes first. */
function encodedSound(sound: SoundPlan, composition: Composition): string[] {
  const { kbps, channels = 2, index = composition.probe.audio?.index } = sound;
  const level = composition.levels?.get(soundKey(sound));
  const filters = [...soundFilters(sound, composition), ...(level === undefined ? [] : [level])];
  return [
    ...['-map', `0:${index}`, '-c:a', 'aac', '-b:a', `${kbps}k`, '-ar', '48000', '-ac', String(channels)],
    ...(filters.length === 0 ? [] : ['-filter:a', filters.join(',')]),
  ];
}

/** What is heard of a sound, whatever its bitrate. */
export function soundKey({ index, channels = 2 }: SoundPlan): string {
  return `${index ?? 'first'}-${channels}`;
}

/** What a sound is before it is brought to a level: its part of the time, without gaps, in the channels asked for. */
export function soundFilters({ fromZero, index, channels }: SoundPlan, composition: Composition): string[] {
  const { probe } = composition;
  const all = [...(probe.sounds ?? []), ...(probe.audio ? [probe.audio] : [])];
  const source = all.find((each) => each.index === (index ?? probe.audio?.index));
  return [
    ...clipSound(probe, origin(composition)),
    ...resample(fromZero || probe.clip !== undefined, probe),
    ...mix(source?.channels ?? 2, channels ?? 2),
  ];
}

/**
 * Channels are mixed as ITU-R BS.775 says, without the one for low frequencies, and all of them lower, so that no sum can
 * clip.
 */
function mix(from: number, to: 2 | 6): string[] {
  if (from <= to) return [];
  const levels = 'clev=0.707107:slev=0.707107:lfe_mix_level=0:rematrix_maxval=1';
  return [`aresample=48000:${levels}`, `aformat=channel_layouts=${to === 2 ? 'stereo' : '5.1'}`];
}

/** Silence where the sound begins late or has gaps; at a joint, where sound may lie twice, also less of it. */
function resample(fromZero: boolean, { joined }: MediaProbe): string[] {
  if (!fromZero && !joined) return [];
  return [`aresample=48000:async=1:first_pts=0${joined ? ':min_hard_comp=0.02' : ''}`];
}

/** Files of sound as further inputs, each once, and what a film maps for its bitrate. */
function soundInputs(films: Film[], soundFiles: SoundFiles = {}) {
  const wanted = [...new Set(films.flatMap(({ sound }) => (sound && soundFiles[sound.kbps] ? [sound.kbps] : [])))];
  const inputs = wanted.map((kbps) => ({ options: FENCE, file: fileUrl(path.resolve(soundFiles[kbps] ?? '')) }));
  return { inputs, sounds: new Map(wanted.map((kbps, index) => [kbps, `${index + 1}:a:0`])) };
}

function plainOutput({ name, options }: PlainOutput, { partOf }: Composition): FfmpegOutput {
  const part = partOf(name);
  // A `%` in the folder's own name would be read as part of the pattern.
  const file = name.includes('%d') ? path.join(path.dirname(part).replaceAll('%', '%%'), path.basename(part)) : part;
  return { options, file: fileUrl(file) };
}

/** Outputs into nothing. */
function readAlong({ branches, probe }: Composition, films: Film[]): FfmpegOutput[] {
  const stream = ['-map', `0:${probe.video.index}`];
  // Thumbnails come out once in many seconds, and before a part nothing does; the copied stream shows how far the reading is.
  if (films.length === 0 || (probe.clip && !isSeekable(probe)))
    return [{ options: [...stream, '-c', 'copy', '-f', 'null'], file: '-' }];
  // Pictures that are copied are decoded all the same, so that damage does not pass through unseen.
  const copied = films.some(({ picture }) => picture?.coded);
  const decoded = branches.some(({ pictures }) => pictures?.every);
  return copied && !decoded ? [{ options: [...stream, '-f', 'null'], file: '-' }] : [];
}
