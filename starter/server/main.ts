/** `npm run starter`: the HTTP API, until SIGTERM or SIGINT. Keeps no state: several of them act as one. */
import type { AddressInfo } from 'node:net';
import { loadConfig, type Config } from '../../common/config';
import { listenFailure, serveHealth } from '../../common/health';
import { createLogger, type Logger } from '../../common/logger';
import { takesNoArguments } from '../../common/no-arguments';
import { startTraces, stopTraces } from '../../common/traces';
import { startJobSource } from '../job-queues';
import { createApp } from './app';
import type { App } from './app-type';
import { ApiKeys, checkExposure } from './guard/auth';
import { healthOf } from './routes/health';
import { createService, type Service } from './service';

async function main(): Promise<void> {
  takesNoArguments('starter', 'The HTTP API with its page, until SIGTERM or SIGINT.');
  const config = loadConfig();
  const keys = new ApiKeys(config);
  checkExposure(config, keys);
  const logger = createLogger(config, 'starter');
  startTraces(config, 'starter', (sentence) => logger.warn(sentence));
  if (!keys.open && config.sessionSecret === undefined) {
    logger.info('sessions of the page are good for this process only: DARKROOM_SESSION_SECRET is not set');
  }
  const stop = new AbortController();
  const service = createService(config, keys, logger, stop.signal);
  // Without Temporal this server still starts, says so in /ready, and mends itself.
  await service.temporal.start();
  const app = await createApp(service);
  await app.listen({ host: config.httpHost, port: config.httpPort }).catch((error: unknown) => {
    throw listenFailure(error, 'DARKROOM_HTTP_PORT');
  });
  const { port } = app.server.address() as AddressInfo;
  logger.info({ host: config.httpHost, port, keys: !keys.open }, 'API server ready');
  const health = keys.open ? undefined : await listenForMachines(config, service);
  process.send?.({ type: 'ready', httpPort: port, healthPort: health?.port });
  const jobs = startJobSource(service);
  await stopped(app, config, logger, stop);
  await jobs.stop();
  health?.server.close();
  service.temporal.stop();
  service.storage.close();
  await service.connection.close();
  await stopTraces();
}

/** With keys, metrics and details are not for everybody who reaches the API. */
async function listenForMachines(config: Config, service: Service): ReturnType<typeof serveHealth> {
  return serveHealth(healthOf(service), config.healthHost, config.healthPort).catch((error: unknown) => {
    throw listenFailure(error, 'DARKROOM_HEALTH_PORT');
  });
}

/**
 * Resolves when all is answered: on a signal nobody is let in any more, those who wait are told to come again, and what is
 * under way is finished, for the shutdown's force time at most.
 */
function stopped(app: App, config: Config, logger: Logger, stop: AbortController): Promise<void> {
  return new Promise((resolve) => {
    const onSignal = (signal: string): void => {
      if (stop.signal.aborted) return;
      logger.info({ signal }, 'stopping');
      stop.abort(new Error('the server is about to stop'));
      const force = setTimeout(() => {
        logger.warn('requests are cut off');
        app.server.closeAllConnections();
      }, config.shutdownForce);
      void app.close().then(() => {
        clearTimeout(force);
        logger.info('API server stopped');
        resolve();
      });
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    // Started by a command of ours that has died: nobody is left to stop this server.
    process.on('disconnect', () => onSignal('disconnect'));
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`starter: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
