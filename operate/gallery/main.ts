/** `npm run gallery -- [DIR]`: one HTML page of every option for images on one photo, with its pictures beside it. */
import path from 'node:path';
import { loadConfig } from '../../common/config';
import { ensureSamples, samplePaths } from '../../local/samples';
import { samplesFolder } from '../../starter/cli/places';
import { ensureFfmpeg } from '../../local/embedded/ffmpeg';
import { toStderr } from '../../local/embedded/report';
import { EXIT, runCommand } from '../../starter/cli/ui/command';
import { command } from '../../starter/cli/ui/options';
import { makeGallery } from './make';

async function main(): Promise<number> {
  const parser = command('gallery', 'One HTML page of every option for images on one photo.')
    .argument('[dir]', 'where it goes; default: gallery in DARKROOM_HOME')
    .option('--photo <file>', 'a photo of your own; default: a sample');
  parser.parse(process.argv);
  const config = loadConfig();
  const { photo } = parser.opts<{ photo?: string }>();
  const folder = path.resolve(parser.args[0] ?? path.join(config.home, 'gallery'));
  const source = photo === undefined ? await samplePhoto() : path.resolve(photo);
  const groups = await makeGallery(config, source, folder);
  const missing = groups.flatMap(({ variants }) => variants).filter(({ file }) => file === undefined);
  for (const { title, notes } of missing) toStderr(`${title}: ${notes.join(' ')}`);
  process.stdout.write(`${path.join(folder, 'index.html')}\n`);
  return missing.length === 0 ? EXIT.ok : EXIT.failed;

  async function samplePhoto(): Promise<string> {
    const samples = samplesFolder(config);
    const { ffmpeg } = await ensureFfmpeg(config, toStderr);
    await ensureSamples({ folder: samples, count: 1, ffmpeg, lanes: 1, bases: 1 });
    const [first = ''] = samplePaths(samples, 1);
    return first;
  }
}

runCommand(main);
