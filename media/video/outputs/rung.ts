import { DarkroomError } from '../../../common/errors';
import { badOutput } from '../check/finish';
import { checkComplete } from '../check/complete';
import { readMp4, type Mp4Facts } from '../check/mp4';
import { codecOf } from '../codecs';
import { HDR_TRANSFERS } from '../hdr';
import type { Mark, MediaProbe, Range, RungPlan, VideoFile } from '../types';
import { rungFilters } from './filters';
import type { Branch, Film } from './branch';
import { markChains } from './mark';

/** One MP4 of the ladder, as `<rung name>.mp4`: ready to play while it loads. */
export function rungBranch(probe: MediaProbe, rung: RungPlan, range?: Range, mark?: Mark): Branch {
  const name = `${rung.name}.mp4`;
  const pad = `[rung-${rung.name}]`;
  const kbps = rung.copy ? (probe.video.bitrateKbps ?? rung.maxrate) : rung.maxrate;
  return {
    id: `rung:${rung.name}`,
    names: [name],
    ...(!rung.copy && {
      pictures: {
        every: true,
        hdr: rung.hdr !== undefined,
        size: { width: rung.width, height: rung.height },
        fps: rung.fps,
        chain: (video) => {
          const filters = rungFilters(video, rung, range, probe.clip);
          if (mark === undefined) return `${filters}${pad}`;
          const bare = `[bare-${rung.name}]`;
          return [`${filters}${bare}`, ...markChains(mark, video, rung, bare, pad)].join(';');
        },
      },
    }),
    films: [film(probe, rung, name, pad, range)],
    makes: { ...rung, kbps: kbps + (rung.audioBitrate ?? 0), cost: codecOf(rung).cost[rung.speed] },
    finish: async ({ partOf, measure }) => {
      const facts = await readOutput(partOf(name)).catch((error: unknown) => {
        // Behind the end of a source there is nothing to encode: ffmpeg ends well, and writes a file without a track.
        throw range && range.start > 0 ? tooFewPictures(0, range.frames?.[rung.name]) : error;
      });
      if (range) checkRange(facts, range.frames?.[rung.name]);
      checkForm(facts, rung);
      if (!range) checkComplete(facts, probe, rung);
      return [rungFile(facts, rung, await measure(name))];
    },
  };
}

/** A finished rung. @param measured where it lies, its size and its hash */
export function rungFile(
  facts: Mp4Facts,
  rung: RungPlan,
  measured: { file: string; bytes: number; sha256: string },
): VideoFile {
  return {
    ...{ name: rung.name, role: 'video', mime: 'video/mp4' },
    ...{ width: rung.width, height: rung.height, ...measured },
    durationSeconds: facts.durationSeconds,
    frames: facts.video?.frames,
    codecs: facts.codecs,
    bitrate: Math.round((measured.bytes * 8) / 1000 / facts.durationSeconds),
  };
}

function film(probe: MediaProbe, rung: RungPlan, name: string, pad: string, range?: Range): Film {
  const codec = codecOf(rung);
  const frames = range?.frames?.[rung.name];
  const count = frames === undefined ? [] : ['frames', String(frames)];
  const options = (threads: number) => [
    ...['c', codec.encoder, 'tag', codec.entry],
    ...codec.options({ ...rung, threads }),
    ...count,
  ];
  return {
    name,
    picture: rung.copy
      ? { from: `0:${probe.video.index}`, options: () => copyOptions(rung), coded: true }
      : { from: pad, options },
    ...(rung.audioBitrate !== undefined &&
      probe.audio && { sound: { kbps: rung.audioBitrate, fromZero: rung.fixedGop === true } }),
  };
}

function copyOptions(rung: RungPlan): string[] {
  const { entry, passThrough } = codecOf(rung);
  return ['c', 'copy', ...(passThrough.bitstreamFilter ? ['bsf', passThrough.bitstreamFilter] : []), 'tag', entry];
}

export async function readOutput(part: string): Promise<Mp4Facts> {
  try {
    return await readMp4(part);
  } catch (error) {
    throw badOutput('The encoder wrote a file that cannot be read.', { cause: String(error) });
  }
}

export function checkForm(facts: Mp4Facts, rung: RungPlan): void {
  const { width = 0, height = 0 } = facts.video ?? {};
  const sound = facts.codecs.includes('mp4a');
  const coded = facts.codecs.startsWith(codecOf(rung).entry);
  if (width !== rung.width || height !== rung.height || !coded || !facts.fastStart) {
    throw badOutput('The encoder wrote another video than was asked for.', { width, height, codecs: facts.codecs });
  }
  if (rung.hdr && facts.video?.colour?.transfer !== HDR_TRANSFERS[rung.hdr.transfer].code) {
    throw badOutput('The encoder lost the HDR of the pictures.', { transfer: facts.video?.colour?.transfer ?? 0 });
  }
  if (sound !== (rung.audioBitrate !== undefined)) {
    throw badOutput('The encoder lost the sound.', { codecs: facts.codecs });
  }
}

/** A piece has the pictures that the plan counted, not one more or less: the pieces have to add up. */
function checkRange({ video }: Mp4Facts, wanted: number | undefined): void {
  const frames = video?.frames ?? 0;
  if (frames === wanted || (wanted === undefined && frames > 0)) return;
  if (frames < (wanted ?? 1)) throw tooFewPictures(frames, wanted);
  throw badOutput('The encoder wrote more pictures than were asked for.', { frames, framesWanted: wanted ?? 1 });
}

function tooFewPictures(frames: number, wanted = 1): DarkroomError {
  const sentence = 'The video is cut short or damaged: part of its pictures is missing.';
  return new DarkroomError('CorruptMedia', sentence, { frames, framesWanted: wanted });
}
