/**
 * `all` of the image deploy/trial: Temporal, a worker, the API and the page in one container, for a first look. Where no keys are
 * configured, one is made (or taken from DARKROOM_API_KEY) and printed, since a container listens on all addresses.
 */
import { createHash, randomBytes } from 'node:crypto';
import { loadConfig } from '../common/config';
import { takesNoArguments } from '../common/no-arguments';
import { DevServices } from './dev/dev-services';
import { untilInterrupted } from './dev/until-interrupted';
import { messageOf, toStderr } from './embedded/report';
import { ensureTemporalServer } from './embedded/temporal-server';

async function main(): Promise<void> {
  takesNoArguments('all', 'Temporal, a worker, the API and the page in one container, until it is stopped.');
  const config = loadConfig();
  const keys: Record<string, string> = {};
  if (config.apiKeys === undefined) {
    const key = config.apiKey ?? randomBytes(16).toString('hex');
    keys['DARKROOM_API_KEYS'] = `first-look:default:0:operator:${createHash('sha256').update(key).digest('hex')}`;
    toStderr(`Key for the page and the API: ${config.apiKey === undefined ? key : 'the one in DARKROOM_API_KEY'}`);
  }
  const services = new DevServices(config, await ensureTemporalServer(config, toStderr), toStderr, keys);
  await services.restart();
  await untilInterrupted();
  await services.stop();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    toStderr(messageOf(error));
    process.exit(1);
  },
);
