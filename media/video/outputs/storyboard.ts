import type { SpritePlan } from '../types';

/**
 * WebVTT whose cues name a rectangle of a sheet (`#xywh=x,y,w,h`, px), as players read it for scrubbing.
 * @param duration seconds; the last cue ends there
 */
export function storyboard(sprite: SpritePlan, duration: number, sheetName: (index: number) => string): string {
  const { interval, tiles, columns, rows, width, height } = sprite;
  const cues = Array.from({ length: tiles }, (_, tile) => {
    const sheet = Math.floor(tile / (columns * rows));
    const place = tile % (columns * rows);
    const x = (place % columns) * width;
    const y = Math.floor(place / columns) * height;
    const end = tile === tiles - 1 ? Math.max(duration, tile * interval + 0.001) : (tile + 1) * interval;
    return `${clock(tile * interval)} --> ${clock(end)}\n${sheetName(sheet)}#xywh=${x},${y},${width},${height}\n`;
  });
  return `WEBVTT\n\n${cues.join('\n')}`;
}

/** `00:01:02.500` */
function clock(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const part = (value: number, digits = 2) => String(value).padStart(digits, '0');
  const [h, m, s] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${part(h)}:${part(m)}:${part(s)}.${part(ms % 1000, 3)}`;
}
