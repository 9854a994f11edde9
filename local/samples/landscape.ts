import { fractalTile, mix, type NoiseTile } from './noise';
import { between, seeded, type Random } from './random';

// Looked up once: these run some fifty million times, and a look-up of `Math` is slow in Jest's sandbox.
const { abs, exp, floor, imul, max, min, round } = Math;

type Colour = readonly [red: number, green: number, blue: number];

/** An upright 8-bit RGB picture without padding. */
export interface Picture {
  data: Buffer;
  width: number;
  height: number;
}

/** The light of a time of day. */
interface Palette {
  zenith: Colour;
  horizon: Colour;
  cloud: Colour;
  far: Colour;
  near: Colour;
}

const PALETTES: Palette[] = [
  {
    zenith: [62, 116, 190],
    horizon: [196, 214, 230],
    cloud: [248, 248, 246],
    far: [126, 150, 178],
    near: [62, 88, 40],
  },
  { zenith: [44, 62, 112], horizon: [246, 176, 112], cloud: [252, 208, 168], far: [132, 108, 128], near: [54, 52, 30] },
  {
    zenith: [118, 134, 152],
    horizon: [206, 210, 212],
    cloud: [226, 228, 230],
    far: [142, 154, 162],
    near: [70, 84, 58],
  },
  {
    zenith: [36, 98, 168],
    horizon: [178, 210, 222],
    cloud: [255, 255, 252],
    far: [150, 132, 116],
    near: [150, 118, 66],
  },
];

/** How strongly the pixels of a sensor scatter, in steps of 256; a small camera at ISO 400 has about this much. */
const SENSOR_NOISE = 3.2;

/**
 * Paints hills under a sky, with woods, houses and sometimes a lake. Procedural, so that no picture has to be shipped,
 * yet with the statistics of a photo: large smooth areas, rough ground, hard edges and noise.
 * @param seed the same one gives the same picture
 */
export function paintLandscape(seed: number, width: number, height: number): Picture {
  const random = seeded(seed);
  const palette = PALETTES[seed % PALETTES.length] as Palette;
  const shapes = fractalTile(seed * 7 + 1, 0.5);
  const grain = fractalTile(seed * 7 + 2, 0.86);
  const picture: Picture = { data: Buffer.alloc(width * height * 3), width, height };
  paintSky(picture, palette, shapes, random);
  const layers = 5;
  for (let layer = 0; layer < layers; layer++) {
    const ridge = ridgeLine(picture, shapes, random, layer / (layers - 1));
    paintGround(picture, palette, grain, ridge, layer / (layers - 1));
    if (layer === 2 && random() < 0.6) paintLake(picture, grain, height * between(random, 58, 66) * 0.01);
    if (layer >= 2) plantTrees(picture, grain, ridge, random, layer / (layers - 1));
    if (layer === 3) buildHouses(picture, grain, ridge, random);
  }
  addSensorNoise(picture, random);
  return picture;
}

function put({ data, width }: Picture, x: number, y: number, red: number, green: number, blue: number): void {
  const offset = (y * width + x) * 3;
  data[offset] = clamp(red);
  data[offset + 1] = clamp(green);
  data[offset + 2] = clamp(blue);
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function paintSky(picture: Picture, { zenith, horizon, cloud }: Palette, shapes: NoiseTile, random: Random): void {
  const sunX = random() * picture.width;
  const sunY = random() * picture.height * 0.35;
  const depth = picture.height * 0.62;
  for (let y = 0; y < depth; y++) {
    const t = y / depth;
    for (let x = 0; x < picture.width; x++) {
      const density = shapes.smooth(x * 0.16, y * 0.42) * 0.75 + shapes.smooth(x * 0.71 + 300, y * 1.3) * 0.25;
      const cover = min(1, max(0, (density - 0.5) * 5));
      const glow = 60 * exp(-((x - sunX) ** 2 + (y - sunY) ** 2) / 90_000);
      const shade = 1 - 0.25 * cover * density;
      put(
        picture,
        x,
        y,
        mix(mix(zenith[0], horizon[0], t), cloud[0] * shade, cover) + glow,
        mix(mix(zenith[1], horizon[1], t), cloud[1] * shade, cover) + glow,
        mix(mix(zenith[2], horizon[2], t), cloud[2] * shade, cover) + glow * 0.7,
      );
    }
  }
}

/** The upper edge of a range of hills, in px from the top by column; nearer ranges lie lower and are smoother. */
function ridgeLine({ width, height }: Picture, shapes: NoiseTile, random: Random, nearness: number): Float32Array {
  const row = between(random, 0, 1023);
  const start = between(random, 0, 1023);
  const stretch = mix(0.4, 0.22, nearness);
  const relief = height * mix(0.34, 0.12, nearness);
  const level = height * mix(0.42, 0.86, nearness);
  return Float32Array.from(
    { length: width },
    (_, x) => level - relief * (shapes.smooth(start + x * stretch, row) - 0.35),
  );
}

/** Fills everything below a ridge, lit from the upper left, hazy where it is far. */
function paintGround(
  picture: Picture,
  palette: Palette,
  grain: NoiseTile,
  ridge: Float32Array,
  nearness: number,
): void {
  const { far, near } = palette;
  const contrast = mix(0.35, 1.15, nearness);
  const scale = mix(1.6, 0.55, nearness);
  for (let x = 0; x < picture.width; x++) {
    for (let y = max(0, round(ridge[x] as number)); y < picture.height; y++) {
      const u = x * scale;
      const v = y * scale * 1.7 + nearness * 400;
      const value = grain.smooth(u, v);
      const slope = value - grain.smooth(u + 1.5, v + 1.5);
      const light = 1 + contrast * ((value - 0.5) * 1.9 + slope * 1.8);
      const patch = grain.smooth(u * 0.11 + 77, v * 0.11) - 0.5;
      put(
        picture,
        x,
        y,
        (mix(far[0], near[0], nearness) + patch * 120 * nearness) * light,
        (mix(far[1], near[1], nearness) + patch * 70 * nearness) * light,
        mix(far[2], near[2], nearness) * light,
      );
    }
  }
}

/** Mirrors what lies above the shore, broken by ripples. */
function paintLake(picture: Picture, grain: NoiseTile, shore: number): void {
  const { data, width, height } = picture;
  const top = round(shore);
  for (let y = top; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ripple = (grain.smooth(x * 0.2, y * 2.4) - 0.5) * (y - top + 4) * 0.25;
      const mirrored = min(top - 1, max(0, round(2 * top - y + ripple * 3)));
      const offset = (mirrored * width + x) * 3;
      const light = 0.78 + ripple * 0.006;
      put(picture, x, y, data[offset]! * light - 8, data[offset + 1]! * light, data[offset + 2]! * light + 10);
    }
  }
}

function plantTrees(picture: Picture, grain: NoiseTile, ridge: Float32Array, random: Random, nearness: number): void {
  const count = between(random, 60, 160);
  for (let i = 0; i < count; i++) {
    const x = between(random, 0, picture.width - 1);
    const size = mix(40, 190, nearness * nearness) * (0.6 + 0.7 * random());
    const foot = (ridge[x] as number) + size * (0.2 + 0.5 * random());
    paintTree(picture, grain, x, foot, size, 0.7 + 0.5 * random());
  }
}

/** A conifer: a jagged triangle, lighter on the left. */
function paintTree(
  picture: Picture,
  grain: NoiseTile,
  middle: number,
  foot: number,
  size: number,
  light: number,
): void {
  for (let dy = 0; dy < size; dy++) {
    const y = round(foot - dy);
    if (y < 0 || y >= picture.height) continue;
    const tier = (dy / size) * 7;
    // Each tier of branches is widest at its lower end.
    const half = (1 - dy / size) * size * 0.26 * (1.1 - 0.45 * (tier - floor(tier)));
    for (let x = max(0, round(middle - half)); x <= min(picture.width - 1, middle + half); x++) {
      const value = grain.at(x * 2, y * 2);
      if (abs(x - middle) > half * (0.55 + 0.9 * value)) continue;
      const shade = light * (0.45 + 1.1 * value - (0.25 * (x - middle)) / (half + 1));
      put(picture, x, y, 38 * shade, 58 * shade, 34 * shade);
    }
  }
}

function buildHouses(picture: Picture, grain: NoiseTile, ridge: Float32Array, random: Random): void {
  for (let count = between(random, 2, 6); count > 0; count--) {
    const width = between(random, 90, 220);
    const left = between(random, 0, picture.width - width - 1);
    const foot = round((ridge[left] as number) + between(random, 30, 160));
    const wall: Colour = random() < 0.5 ? [214, 204, 186] : [168, 104, 84];
    paintHouse(picture, grain, { left, foot, width, height: round(width * 0.55), wall });
  }
}

interface House {
  left: number;
  foot: number;
  width: number;
  height: number;
  wall: Colour;
}

function paintHouse(picture: Picture, grain: NoiseTile, { left, foot, width, height, wall }: House): void {
  for (let dy = 0; dy < height * 1.6; dy++) {
    const y = foot - dy;
    if (y < 0 || y >= picture.height) continue;
    const roof = dy >= height;
    const inset = roof ? round(((dy - height) / (height * 0.6)) * width * 0.35) - 8 : 0;
    for (let dx = inset; dx < width - inset; dx++) {
      const x = left + dx;
      if (x < 0 || x >= picture.width) continue;
      const window = !roof && dx % 44 > 14 && dx % 44 < 34 && dy % 52 > 18 && dy % 52 < 44;
      const [red, green, blue] = roof ? [112, 58, 46] : window ? [52, 66, 84] : wall;
      const tiles = roof && dy % 7 === 0 ? 0.8 : 1;
      const light = (0.8 + 0.4 * grain.at(x, y * 3)) * tiles;
      put(picture, x, y, red * light, green * light, blue * light);
    }
  }
}

/** Normally distributed noise from a table, a little stronger in the dark parts, as sensors have it. */
function addSensorNoise({ data }: Picture, random: Random): void {
  const table = Float32Array.from(
    { length: 65_536 },
    () => SENSOR_NOISE * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
  let index = 0;
  for (let i = 0; i < data.length; i++) {
    index = (imul(index, 1_664_525) + 1_013_904_223) >>> 0;
    data[i] = clamp(data[i]! + (table[index >>> 16] as number) * (1.25 - data[i]! / 512));
  }
}
