import { duration, integer } from './parse';
import { variable } from './variable';

/** When a video is made by several tasks, and how large those are. */
export const LONG_VIDEO_VARIABLES = {
  shortVideo: variable(
    'DARKROOM_SHORT_VIDEO',
    integer(0, 86_400),
    '120',
    'estimated CPU seconds up to which one activity makes a whole video; longer ones are made by several tasks',
  ),
  chunkCpu: variable(
    'DARKROOM_CHUNK_CPU',
    duration,
    '60s',
    'estimated CPU time of one chunk of a long video: a lost worker costs one chunk',
  ),
  chunkWindow: variable(
    'DARKROOM_CHUNK_WINDOW',
    integer(1, 1000),
    '16',
    'chunks of one video that may wait or run at once; other items have their turn between',
  ),
};
