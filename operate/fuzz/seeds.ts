import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';

const run = promisify(execFile);

const FILM = '-f lavfi -i testsrc2=s=160x90:r=12:d=1 -f lavfi -i sine=frequency=440:duration=1';
const X264 = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac';

/** Small films of every container that is read, and stills of formats that sharp does not write, by name. */
const FILMS: Record<string, string> = {
  'film.mp4': X264,
  'fragmented.mp4': `${X264} -movflags frag_keyframe+empty_moov`,
  'film.mov': `${X264} -f mov`,
  'film.mkv': X264,
  'film.ts': `${X264} -f mpegts`,
  'film.webm': '-c:v libvpx -deadline realtime -c:a libopus',
  'film.avi': '-c:v mpeg4 -c:a mp3',
  'film.mpg': '-c:v mpeg2video -r 25 -c:a mp2 -f mpeg',
  'film.flv': '-c:v flv -ar 44100 -c:a mp3',
  'film.ogv': '-c:v libtheora -c:a libvorbis',
  'still.bmp': '-frames:v 1 -an -pix_fmt bgr24',
  'palette.bmp': '-frames:v 1 -an -pix_fmt rgb8',
  'still.qoi': '-frames:v 1 -an -pix_fmt rgba',
  'still.ico': '-frames:v 1 -an -pix_fmt bgra',
  'film.h264': '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -an -f h264',
};

/** Makes a corpus of small files in every format that is read: some kB each, in about two seconds. */
export async function makeSeeds(folder: string, ffmpeg: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [width, height] = [96, 64];
  const pixels = Buffer.from(Array.from({ length: width * height * 4 }, (_, at) => (at * 7 + (at >> 6) * 13) & 255));
  const still = () => sharp(pixels, { raw: { width, height, channels: 4 } });
  const frames = sharp(Buffer.concat([pixels, Buffer.from(pixels).reverse()]), {
    raw: { width, height: 2 * height, channels: 4, pageHeight: height },
  });
  const images: Record<string, Buffer> = {
    'still.jpg': await still().flatten().jpeg().withMetadata({ orientation: 6 }).toBuffer(),
    'progressive.jpg': await still().flatten().jpeg({ progressive: true }).toBuffer(),
    'still.png': await still().png().toBuffer(),
    'palette.png': await still().png({ palette: true }).toBuffer(),
    'still.webp': await still().webp().toBuffer(),
    'still.avif': await still().avif({ effort: 0 }).toBuffer(),
    'still.tiff': await still().tiff({ compression: 'lzw' }).toBuffer(),
    'tiled.tiff': await still().flatten().tiff({ compression: 'jpeg', tile: true }).toBuffer(),
    'moving.gif': await frames.clone().gif().toBuffer(),
    'moving.webp': await frames.clone().webp().toBuffer(),
  };
  for (const [name, bytes] of Object.entries(images)) await writeFile(path.join(folder, name), bytes);
  for (const [name, words] of Object.entries(FILMS)) {
    const args = ['-v', 'error', '-nostdin', '-y', ...`${FILM} ${words}`.split(' '), path.join(folder, name)];
    // An ffmpeg that lacks an encoder makes the others.
    await run(ffmpeg, args).catch(() => undefined);
  }
}
