/** A rectangle of a sprite sheet, px, and when it stands for the video, seconds. */
export interface Cue {
  start: number;
  end: number;
  sheet: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const TIMES = /^([\d:.]+)\s+-->\s+([\d:.]+)/;
const PLACE = /^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/;

/** The cues of a storyboard; what is not one is left out. */
export function parseStoryboard(text: string): Cue[] {
  return text.split(/\r?\n\r?\n/).flatMap((block): Cue[] => {
    const lines = block.trim().split(/\r?\n/);
    const times = lines.map((line) => TIMES.exec(line)).find((match) => match !== null);
    const place = PLACE.exec(lines.at(-1) ?? '');
    if (!times || !place) return [];
    const [x, y, width, height] = place.slice(2).map(Number) as [number, number, number, number];
    return [{ start: seconds(times[1]), end: seconds(times[2]), sheet: place[1] ?? '', x, y, width, height }];
  });
}

/** The cue at a time; the last one after the end. */
export function cueAt(cues: Cue[], time: number): Cue | undefined {
  return cues.find(({ end }) => time < end) ?? cues.at(-1);
}

function seconds(stamp = ''): number {
  return stamp.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}
