/**
 * What the bare loop and the BullMQ worker do with one source: the preset's image renditions through sharp in this
 * process, and for a clip one ffprobe and four ffmpeg commands, one after the other. No check of the results, no manifest.
 *
 * The ffmpeg commands are those that Darkroom ran at commit 5bc650f, written out here, so that the baseline stays the
 * same when Darkroom's own commands change. They fit the clips of local/samples (1280x720, 30 fps, with sound) only.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import sharp from 'sharp';
import { parse } from 'yaml';
import type { MediaJob } from '../common/contracts';
import { encode } from '../media/image/encode';
import { inlinePreset, loadPreset } from '../media/presets';
import type { ImagePreset } from '../media/presets/schema';

const run = promisify(execFile);

/** Programs to run: a path, or a name on PATH. */
export interface Tools {
  ffmpeg: string;
  ffprobe: string;
}

/** Makes all outputs of one source in `folder`, which need not exist. */
export type Recipe = (job: MediaJob, folder: string) => Promise<void>;

/** The video part of presets/web.yaml, as written there, that the frozen commands were made for. */
const FROZEN_VIDEO = {
  rungs: [
    { name: '720p', height: 720, crf: 23, maxrate: 3000, speed: 'veryfast', audioBitrate: 128 },
    { name: '360p', height: 360, crf: 23, maxrate: 800, speed: 'veryfast', audioBitrate: 96 },
  ],
  poster: { format: 'webp', width: 1280, quality: 80 },
  sprite: { width: 160, columns: 5, rows: 5, quality: 70 },
};

/**
 * The recipe for the preset `web`, or for that of a job.
 * @throws Error where that preset asks for other videos than the frozen commands make: the comparison would be void
 */
export async function bareRecipe(presetsDir: string, tools: Tools): Promise<Recipe> {
  const { image } = await loadPreset(presetsDir, 'web');
  if (image === undefined) throw new Error('The preset "web" has no images, and the benchmark needs them.');
  const written = parse(await readFile(path.join(presetsDir, 'web.yaml'), 'utf8')) as { video?: unknown };
  if (!isDeepStrictEqual(written.video, FROZEN_VIDEO)) {
    throw new Error('The video part of the preset "web" has changed: bench/bare-recipe.ts has no commands for it.');
  }
  sharp.cache(false);
  sharp.concurrency(1);
  return async (job, folder) => {
    await mkdir(folder, { recursive: true });
    const source = fileURLToPath(job.source);
    if (job.kind === 'video') await bareClip(source, folder, tools);
    else await bareImage(source, folder, own(job) ?? image);
  };
}

/** What a job brings along instead of the preset `web`. */
function own({ preset }: MediaJob): ImagePreset | undefined {
  return typeof preset === 'object' ? inlinePreset(preset).image : undefined;
}

/** Decodes once, to the largest rendition's width, and makes every rendition from that: the quickest plain way. */
async function bareImage(source: string, folder: string, preset: ImagePreset): Promise<void> {
  const largest = Math.max(...preset.renditions.map((spec) => spec.width ?? 0));
  const { data, info } = await sharp(await readFile(source))
    .autoOrient()
    .resize({ width: largest, withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  for (const spec of preset.renditions) {
    const { width, height } = spec;
    const resized = sharp(data, { raw }).resize({ width, height, fit: 'inside', withoutEnlargement: true });
    await writeFile(path.join(folder, `${spec.name}.${spec.format}`), (await encode(resized, spec)).data);
  }
}

async function bareClip(source: string, folder: string, tools: Tools): Promise<void> {
  const seconds = await clipSeconds(source, tools.ffprobe);
  for (const command of clipCommands(source, folder, seconds)) await run(tools.ffmpeg, command);
}

const WHITELISTS =
  '-protocol_whitelist file,pipe ' + '-format_whitelist mov,mp4,matroska,webm,avi,flv,asf,mpeg,mpegvideo,mpegts,ogg';

const PROBED = [
  'format=duration,bit_rate,size',
  'stream=index,codec_type,codec_name,width,height,sample_aspect_ratio,pix_fmt,field_order,color_range,color_space',
  'stream=color_transfer,color_primaries,avg_frame_rate,r_frame_rate,duration,bit_rate,nb_frames,channels,sample_rate',
  'stream_disposition=attached_pic,default:stream_tags=DURATION:stream_side_data=rotation',
].join(':');

/** Duration in seconds. @throws Error where the file is not such a clip as the commands are made for */
async function clipSeconds(source: string, ffprobe: string): Promise<number> {
  const options = words(`-hide_banner -v error ${WHITELISTS} -show_entries ${PROBED} -of json -i`);
  const { stdout } = await run(ffprobe, [...options, `file:${source}`]);
  const { format, streams } = JSON.parse(stdout) as {
    format: { duration: string };
    streams: { codec_type: string; width?: number; height?: number }[];
  };
  const [picture, sound] = streams;
  if (picture?.width !== 1280 || picture.height !== 720 || sound?.codec_type !== 'audio') {
    throw new Error(`${source} is no sample clip of 1280x720 with sound, and the bare loop has no commands for it.`);
  }
  return Number(format.duration);
}

/** The four command lines, without the program: 720p (pictures copied), 360p, poster, sprite. */
export function clipCommands(source: string, folder: string, seconds: number): string[][] {
  const input = `file:${source}`;
  const output = (name: string): string => `file:${path.join(folder, name)}`;
  const start = words(
    '-hide_banner -nostdin -y -v error -nostats -progress pipe:1 ' +
      `-filter_threads 1 -filter_complex_threads 1 ${WHITELISTS} -threads 1`,
  );
  const strict = words('-xerror -err_detect explode');
  const mp4 = words('-map_metadata -1 -map_chapters -1 -movflags +faststart -threads 1 -f mp4');
  const nothing = ['-f', 'null', '-'];
  const tiles = Math.ceil(seconds - 0.05);
  return [
    [
      ...[...start, ...strict, '-i', input, '-y'],
      ...words('-map 0:0 -map 0:1 -c:v copy -bsf:v filter_units=remove_types=6 -tag:v avc1'),
      ...words('-c:a aac -b:a 128k -ar 48000 -ac 2'),
      ...[...mp4, output('720p.mp4'), '-map', '0:0', ...nothing],
    ],
    [
      ...[...start, ...strict, '-i', input],
      ...words('-map 0:0 -map 0:1 -filter:v scale=640:360:flags=bicubic:out_range=tv,setsar=1,format=yuv420p'),
      ...words('-c:v libx264 -preset veryfast -profile:v high -crf 23 -maxrate 800k -bufsize 1600k'),
      ...words('-g 60 -sc_threshold 0 -force_key_frames expr:gte(t,n_forced*2)'),
      ...words('-c:a aac -b:a 96k -ar 48000 -ac 2'),
      ...[...mp4, output('360p.mp4')],
    ],
    [
      ...[...start, '-ss', String(Math.round(seconds * 100) / 1000), '-i', input, '-filter_complex'],
      '[0:0]scale=1280:720:flags=bicubic:out_range=tv,setsar=1,format=yuv420p,split=2[picture][small];' +
        '[small]scale=256:144:flags=area:out_range=pc,format=gray[sample]',
      ...words('-map [picture] -frames:v 1 -c:v libwebp -quality 80 -compression_level 2 -f webp -map_metadata -1'),
      ...['-threads', '1', output('poster')],
      ...[...words('-map [sample] -frames:v 1 -f rawvideo'), output('sample')],
    ],
    [
      ...[...start, ...words('-skip_frame noref -skip_loop_filter all'), '-i', input, '-y'],
      ...words('-map 0:0 -filter:v'),
      `tpad=stop_mode=clone:stop_duration=1,fps=1/1,trim=end_frame=${tiles},` +
        `scale=160:90:flags=bicubic:out_range=pc,setsar=1,format=yuvj420p,tile=${tiles}x1`,
      ...words('-c:v mjpeg -q:v 11 -threads 1 -frames:v 1 -f image2 -start_number 0'),
      ...[output('sprite-%d'), '-map', '0:0', '-c', 'copy', ...nothing],
    ],
  ];
}

/** For options that hold no blanks. */
function words(line: string): string[] {
  return line.split(' ');
}
