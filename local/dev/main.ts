/** `npm run dev`: server, worker and API, rebuilt and restarted when a source changes. Ctrl-C stops all but the server. */
import { loadConfig } from '../../common/config';
import { takesNoArguments } from '../../common/no-arguments';
import { compileOnChange } from './compiler';
import { DevServices } from './dev-services';
import { untilInterrupted } from './until-interrupted';
import { ensureFfmpeg } from '../embedded/ffmpeg';
import { messageOf, toStderr } from '../embedded/report';
import { ensureTemporalServer } from '../embedded/temporal-server';

async function main(): Promise<void> {
  takesNoArguments('dev', 'Server, worker and API, rebuilt and restarted when a source changes, until Ctrl-C.');
  const config = loadConfig();
  await ensureFfmpeg(config, toStderr);
  const server = await ensureTemporalServer(config, toStderr);
  toStderr(`Temporal at ${server.address} (${server.origin}); Web UI: ${server.uiUrl ?? 'not known'}`);

  const services = new DevServices(config, server, toStderr);
  const compiler = compileOnChange(toStderr, () => services.restart());
  await untilInterrupted();
  toStderr('Stopping the worker; the Temporal server stays (npm run stop ends it)');
  compiler.stop();
  await services.stop();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    toStderr(messageOf(error));
    process.exit(1);
  },
);
