import { fileUrl, inputStart, type FfmpegCommand } from '../ffmpeg/command';
import type { RunBounds } from '../ffmpeg/bounds';

/** Names in the folder of a track, which ffmpeg runs in: no path can end up in its pattern or in the playlist. */
export const PLAYLIST = 'index.m3u8';
export const INIT = 'init.mp4';
/** Of the first picture of each segment alone, for fast forward and scrubbing. */
export const KEYFRAMES = 'keyframes.m3u8';

/** Names in the folder of a stream: its manifests, and the folders of the sound that the rungs have and of their pictures. */
export const MASTER = 'master.m3u8';
export const MPD = 'manifest.mpd';
export const MAIN_SOUND = 'audio';
export const pictureFolder = (rung: string): string => `video-${rung}`;

/**
 * Cuts one track of a finished MP4 into CMAF segments, without encoding. Timestamps begin at zero in every track:
 * `cmaf` does that for pictures that are shown in another order, and the packet that AAC begins with before zero, which
 * is there to warm up the decoder, is dropped.
 */
export function packageCommand(
  input: string,
  track: 'video' | 'audio',
  segmentSeconds: number,
  bounds: RunBounds,
): FfmpegCommand {
  return {
    inputs: [{ options: [...inputStart(1), '-xerror'], file: fileUrl(input) }],
    outputs: [
      {
        options: [
          ...(track === 'video' ? ['-map', '0:v:0'] : ['-map', '0:a:0', '-bsf:a', 'noise=drop=lt(pts\\,0)']),
          ...['-c', 'copy', '-map_metadata', '-1', '-f', 'hls'],
          // Rounded down: a keyframe that is a hair early for the muxer would be passed over.
          ...['-hls_time', (Math.floor(segmentSeconds * 1e6) / 1e6).toFixed(6), '-hls_playlist_type', 'vod'],
          ...['-hls_flags', 'independent_segments', '-hls_segment_type', 'fmp4'],
          ...['-hls_segment_options', 'movflags=+cmaf', '-hls_fmp4_init_filename', INIT],
          ...['-hls_segment_filename', '%05d.m4s'],
        ],
        file: PLAYLIST,
      },
    ],
    bounds,
  };
}
