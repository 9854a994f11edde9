import sharp from 'sharp';
import { which } from '../../common/config/executables';
import { CODEC_NAMES, codecOf, DEFAULT_CODEC } from '../../media/video/codecs';
import { findFfmpegTool, installHint } from '../../local/embedded/ffmpeg';
import { run } from '../../local/embedded/run';
import { findTemporalBinary, toolsFolder } from '../../local/embedded/temporal-binary';
import { broken, missing, ok, optional, type Check } from './types';

const ENCODERS = [codecOf({}).encoder, 'aac', 'libwebp', 'mjpeg'];
const IMAGE_FORMATS = ['jpeg', 'png', 'webp', 'heif'] as const;

/** Programs that only some work needs: what for. */
const EXTRAS: [program: string, use: string][] = [
  ['go', 'builds the Temporal server where it cannot be downloaded'],
  ['redis-server', 'jobs from a Redis queue'],
  ['chromium', 'tests of the web page'],
  ['prometheus', 'tests of the alert rules'],
];

/** Programs and libraries. */
export const toolChecks: Check[] = [
  ...(['ffmpeg', 'ffprobe'] as const).map((name): Check => ({ name, run: ({ config }) => version(name, config) })),
  {
    name: 'ffmpeg encoders',
    run: async ({ config }) => {
      const known = await ask(findFfmpegTool('ffmpeg', config), '-encoders');
      const lacking = ENCODERS.filter((name) => !known.includes(name));
      if (lacking.length > 0) return missing(`without ${lacking.join(', ')}`, installHint());
      return ok(ENCODERS.join(', '));
    },
  },
  ...CODEC_NAMES.filter((codec): boolean => codec !== DEFAULT_CODEC).map((codec): Check => {
    const { encoder } = codecOf({ codec });
    return {
      name: `ffmpeg ${encoder}`,
      run: async ({ config }) =>
        (await ask(findFfmpegTool('ffmpeg', config), '-encoders')).includes(` ${encoder} `)
          ? ok(`rungs with codec: ${codec}`)
          : optional(`rungs with codec: ${codec} fail`, `Install an ffmpeg that is built with ${encoder}`),
    };
  }),
  {
    name: 'ffmpeg zscale',
    run: async ({ config }) =>
      (await ask(findFfmpegTool('ffmpeg', config), '-filters')).includes('zscale')
        ? ok('HDR can be turned into SDR')
        : optional('HDR video cannot be turned into SDR', 'Install an ffmpeg that is built with zimg'),
  },
  {
    name: 'sharp',
    run: () => {
      const lacking = IMAGE_FORMATS.filter((name) => !sharp.format[name].output.buffer);
      const versions = `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
      return lacking.length === 0
        ? ok(versions)
        : broken(`${versions} cannot write ${lacking.join(', ')}`, 'npm ci, so that sharp brings its own libvips');
    },
  },
  {
    name: 'Temporal server program',
    run: ({ config, configured, connection }) => {
      const binary = findTemporalBinary(config);
      if (binary !== undefined) return ok(binary);
      if (configured || connection !== undefined) return optional('not needed: a server is there');
      return missing(`neither on PATH nor in ${toolsFolder(config)}`, 'node scripts/setup.mjs --tools fetches it');
    },
  },
  ...EXTRAS.map(([program, use]): Check => ({
    name: program,
    run: () => {
      const found = which(program, program === 'go' ? ['/usr/local/go/bin'] : []);
      return found === undefined ? optional(`not installed; ${use}`) : ok(`${found}; ${use}`);
    },
  })),
];

async function version(name: 'ffmpeg' | 'ffprobe', config: Parameters<typeof findFfmpegTool>[1]) {
  const file = findFfmpegTool(name, config);
  if (file === undefined) return missing('not found', installHint());
  const { code, output } = await run(file, ['-hide_banner', '-version']);
  const found = /version (\S+)/.exec(output)?.[1];
  return code === 0 && found !== undefined ? ok(`${found}, ${file}`) : broken(`${file} does not run`, installHint());
}

async function ask(file: string | undefined, question: string): Promise<string> {
  return file === undefined ? '' : (await run(file, ['-hide_banner', question])).output;
}
