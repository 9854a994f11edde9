import { between, seeded } from './random';

/** px and frames per second of a sample clip. */
export const CLIP = { width: 1280, height: 720, fps: 30 } as const;

/**
 * ffmpeg's arguments for clip number `index`: the camera pans over a picture for two to four seconds, with sound.
 * @param picture a file larger than a clip by at least `margin` px in both directions
 */
export function clipArguments(index: number, picture: string, output: string): string[] {
  const random = seeded(index + 1);
  const seconds = (between(random, 20, 40) / 10).toFixed(1);
  const left = between(random, 0, 500);
  const top = between(random, 0, 250);
  const across = between(random, 60, 150);
  const frequency = between(random, 110, 880);
  const pan = `crop=${CLIP.width}:${CLIP.height}:x=${left}+${across}*t:y=${top}+40*sin(2*t)`;
  return [
    ...['-hide_banner', '-nostdin', '-v', 'error', '-y', '-i', picture],
    ...['-f', 'lavfi', '-i', `sine=frequency=${frequency}:sample_rate=48000`],
    // The loop filter keeps the one decoded frame; looping the input would decode it again for each.
    ...[
      '-filter_complex',
      `[0:v]format=yuv420p,loop=loop=-1:size=1,fps=${CLIP.fps},${pan}[v];[1:a]volume=0.3,tremolo[a]`,
    ],
    ...['-map', '[v]', '-map', '[a]', '-t', seconds],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '26', '-threads', '1', '-g', String(CLIP.fps * 2)],
    ...['-c:a', 'aac', '-b:a', '96k', '-movflags', '+faststart', '-f', 'mp4', output],
  ];
}
