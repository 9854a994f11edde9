/**
 * The course of a sound's level, as `audiowaveform` of the BBC writes it (JSON, version 2), which peaks.js and wavesurfer
 * read: for each of `length` pieces of `samples_per_pixel` samples the lowest and the highest sample of all channels
 * together, in turn. 127 and -128 are full scale, whatever the sound's own highest sample is.
 */
export interface Peaks {
  version: 2;
  /** Of the data: always 1, since the channels are taken together. */
  channels: 1;
  /** Hz */
  sample_rate: number;
  samples_per_pixel: number;
  bits: 8;
  /** Pairs in `data`. */
  length: number;
  data: number[];
}

const FULL_SCALE = 128;

/** The filters that write one lowest and one highest sample for each piece into `file`, which has a plain name. */
export function peaksFilters(samplesPerPixel: number, file: string): string {
  return [
    'aformat=sample_fmts=flt',
    `asetnsamples=n=${samplesPerPixel}:p=0`,
    'astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=Min_level+Max_level',
    `ametadata=mode=print:file=${file}`,
  ].join(',');
}

/** Samples of one piece, so that the whole has `points` pieces at most. */
export function samplesPerPixel(durationSeconds: number, rate: number, points: number): number {
  return Math.max(1, Math.ceil((durationSeconds * rate) / points));
}

/** What those filters have printed. */
export function readPeaks(printed: string, sample_rate: number, samples_per_pixel: number): Peaks {
  const data: number[] = [];
  for (const [, which, value] of printed.matchAll(/Overall\.(Min|Max)_level=(\S+)/g)) {
    const scaled = Math.round(Number(value) * (which === 'Min' ? FULL_SCALE : FULL_SCALE - 1));
    data.push(Number.isNaN(scaled) ? 0 : Math.min(FULL_SCALE - 1, Math.max(-FULL_SCALE, scaled)));
  }
  const length = Math.floor(data.length / 2);
  return { version: 2, channels: 1, sample_rate, samples_per_pixel, bits: 8, length, data: data.slice(0, 2 * length) };
}
