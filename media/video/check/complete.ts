import { DarkroomError } from '../../../common/errors';
import { longestOutput } from '../ffmpeg/bounds';
import { longerThanStated } from '../ffmpeg/video-failures';
import { fraction } from '../fraction';
import type { MediaProbe, RungPlan } from '../types';
import type { Mp4Facts } from './mp4';

/**
 * ffmpeg ends with exit code 0 on a file that breaks off, so the output is compared with what the probe promised.
 * Duration is the sure sign: containers round it, and B-frames and edit lists shift a few frames, so half a second or
 * 2 % may be missing, but never more than a third. With a variable rate the last picture may stand for seconds, which
 * ffmpeg does not keep. Frames are a second sign, at a steady rate and against a container's own count: edit lists hide
 * some of those, so a tenth and five frames may be missing.
 *
 * A file whose times go on after its stated end was cut at the bound of the run, or close to it, so more than that is
 * refused as well.
 */
export function checkComplete(facts: Mp4Facts, probe: MediaProbe, rung: RungPlan): void {
  const picture = facts.video?.durationSeconds ?? 0;
  const frames = facts.video?.frames ?? 0;
  const wanted = probe.video.durationSeconds ?? probe.durationSeconds;
  // Where the picture's own length is unknown, the sound may be what makes the file long.
  const got = probe.video.durationSeconds === undefined ? facts.durationSeconds : picture;
  const { fps, variableRate, framesEstimated } = probe.video;
  const { num, den } = fraction(fps);
  const least = variableRate ? 2 : 0.5;
  const twoFrames = (2 * den) / num;
  const rounding = Math.max(least, 0.02 * wanted);
  const slack = Math.min(wanted / 3, rounding) + twoFrames;
  // The last picture may stand for a while, but the rate is a thing that the file says.
  const last = Math.min(den / num, wanted / 2);
  // What was cut at the bound of the run ends there, or a moment before.
  const cut = Math.max(wanted + last, longestOutput(probe.durationSeconds, Infinity) - 0.1);
  const most = Math.min(wanted + rounding + last, cut);
  if (got > most) throw longerThanStated({ outTimeSeconds: got }, most);
  const expected = expectedFrames(probe, rung);
  const tooFew = !framesEstimated && !variableRate && frames < 0.9 * expected - 5;
  if (frames > 0 && got >= wanted - slack && !tooFew) return;
  throw new DarkroomError('CorruptMedia', 'The video is cut short or damaged: part of its pictures is missing.', {
    seconds: got,
    secondsStated: wanted,
    frames,
    framesStated: Math.round(expected),
  });
}

/** Frames that an encode should give: the source's, or fewer where the rate is lowered. */
export function expectedFrames(probe: MediaProbe, rung: RungPlan): number {
  if (rung.fps === undefined) return probe.video.frames;
  const { num, den } = fraction(rung.fps);
  return ((probe.video.durationSeconds ?? probe.durationSeconds) * num) / den;
}
