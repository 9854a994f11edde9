import type { HdrMetadata } from '../hdr';

/** What ffprobe says beside the first picture. */
export interface FrameJson {
  frames?: { side_data_list?: Record<string, string | number | undefined>[] }[];
}

/** Of the side data of a picture; each number is checked, since a file says what it likes. */
export const FRAME_ENTRIES = 'frame=pts:frame_side_data';

/** The static metadata beside a picture, as far as they make sense; pure. */
export function hdrMetadata({ frames = [] }: FrameJson): HdrMetadata {
  const all = frames.flatMap(({ side_data_list = [] }) => side_data_list);
  const found = (type: string) => all.find((data) => data['side_data_type'] === type);
  const display = displayOf(found('Mastering display metadata'));
  const light = lightOf(found('Content light level metadata'));
  return { ...(display && { display }), ...(light && { light }) };
}

/** cd/m²: the most that PQ can say. */
const BRIGHTEST = 10_000;

function displayOf(data: Record<string, string | number | undefined> = {}): HdrMetadata['display'] {
  const value = (name: string): number => {
    const [num = NaN, den = 1] = String(data[name]).split('/').map(Number);
    return num / den;
  };
  const point = (name: string): [number, number] => [value(`${name}_x`), value(`${name}_y`)];
  const display = {
    ...{ red: point('red'), green: point('green'), blue: point('blue'), white: point('white_point') },
    ...{ darkest: value('min_luminance'), brightest: value('max_luminance') },
  };
  const { red, green, blue, white, darkest, brightest } = display;
  const onDiagram = [red, green, blue, white].flat().every((part) => part > 0 && part <= 1);
  return onDiagram && darkest >= 0 && darkest < brightest && brightest <= BRIGHTEST ? display : undefined;
}

function lightOf(data: Record<string, string | number | undefined> = {}): HdrMetadata['light'] {
  const [most, average] = [Number(data['max_content']), Number(data['max_average'])];
  const isLight = [most, average].every((level) => Number.isInteger(level) && level >= 0 && level <= 65_535);
  return isLight && most > 0 ? { most, average } : undefined;
}
