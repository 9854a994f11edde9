import { spawn, type ChildProcess } from 'node:child_process';
import type { Server } from 'node:http';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionLike } from '@temporalio/client';
import { Registry } from 'prom-client';
import type { Config } from '../../common/config';
import { which } from '../../common/config/executables';
import { serveHealth } from '../../common/health';
import { SetupError } from '../../local/embedded/report';
import { tailOf } from '../../local/embedded/run';
import { createQueueMetrics } from '../../starter/queue-metrics';
import { alertmanagerConfig } from './alertmanager-config';
import { freePort } from '../../local/embedded/free-port';
import { prometheusConfig, type MonitorPorts } from './prometheus-config';
import { dropDeadTargets } from '../../local/embedded/targets';

/** Where a person looks; `stop` ends everything that was started. */
export interface Monitor {
  prometheusUrl: string;
  alertmanagerUrl: string;
  exporterUrl: string;
  /** Resolves with a sentence when one of the programs ended by itself. */
  broken: Promise<string>;
  stop(): Promise<void>;
}

export interface MonitorOptions {
  /** Seconds between two looks at everything. Default 5. */
  everySeconds?: number;
  /** Wished ports; a taken one is replaced by any free one. Default: free ones. */
  ports?: MonitorPorts;
}

const READY_LIMIT_MS = 30_000;
const INSTALL =
  'On Debian: apt-get install prometheus prometheus-alertmanager. Elsewhere: https://prometheus.io/download';

/**
 * Starts the queue exporter, Prometheus and Alertmanager beside a running system.
 * @throws SetupError with the way out when a program is not there or does not start
 */
export async function startMonitor(
  connection: ConnectionLike,
  config: Config,
  options: MonitorOptions = {},
): Promise<Monitor> {
  const prometheus = program('prometheus');
  const alertmanager = program('alertmanager', 'prometheus-alertmanager');
  const folder = path.join(config.home, 'monitor');
  await mkdir(folder, { recursive: true });
  await dropDeadTargets(config.home);
  const children: ChildProcess[] = [];
  const { server, port: exporter } = await serveQueues(connection, config, await freePort(options.ports?.exporter));
  const receivers = path.join(folder, 'alertmanager.yaml');
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(end));
    await rm(receivers, { force: true });
    await new Promise((resolve) => server.close(resolve));
  };
  try {
    const ports: MonitorPorts = {
      exporter,
      prometheus: await freePort(options.ports?.prometheus),
      alertmanager: await freePort(options.ports?.alertmanager),
    };
    const file = path.join(folder, 'prometheus.yaml');
    await writeFile(file, prometheusConfig(config, ports, options.everySeconds));
    // A webhook's address is a secret, so the file is for us alone and goes when we do.
    await rm(receivers, { force: true });
    const urls = { page: config.alertPageUrl, ticket: config.alertTicketUrl };
    await writeFile(receivers, alertmanagerConfig(urls), { mode: 0o600 });
    const [prometheusUrl, alertmanagerUrl] = [ports.prometheus, ports.alertmanager].map(
      (port) => `http://127.0.0.1:${port}`,
    );
    const start = async (binary: string, url: string, args: string[]): Promise<ChildProcess> => {
      const child = await launch(binary, [...args, `--web.listen-address=${new URL(url).host}`], folder);
      children.push(child);
      await ready(child, url, path.join(folder, `${path.basename(binary)}.log`));
      return child;
    };
    // Without a cluster of its own, it asks for no second port.
    const second = await start(alertmanager, alertmanagerUrl ?? '', [
      `--config.file=${receivers}`,
      `--storage.path=${path.join(folder, 'alertmanager')}`,
      '--cluster.listen-address=',
    ]);
    const first = await start(prometheus, prometheusUrl ?? '', [
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(folder, 'prometheus')}`,
      '--storage.tsdb.retention.time=31d',
    ]);
    const broken = Promise.race([first, second].map(ending));
    return {
      prometheusUrl: prometheusUrl ?? '',
      alertmanagerUrl: alertmanagerUrl ?? '',
      exporterUrl: `http://127.0.0.1:${exporter}/metrics`,
      broken,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function program(...names: string[]): string {
  const found = names.map((name) => which(name)).find((file) => file !== undefined);
  if (found === undefined) throw new SetupError(`${names.join(' or ')} is not on PATH. ${INSTALL}`);
  return found;
}

async function serveQueues(
  connection: ConnectionLike,
  config: Config,
  port: number,
): Promise<{ server: Server; port: number }> {
  const registry = new Registry();
  createQueueMetrics(connection, config, registry);
  return serveHealth({ ready: () => ({}), metrics: () => registry.metrics() }, '127.0.0.1', port);
}

/** In a process group of its own, so that Ctrl-C reaches us first. */
async function launch(binary: string, args: string[], folder: string): Promise<ChildProcess> {
  const log = await open(path.join(folder, `${path.basename(binary)}.log`), 'a');
  try {
    return spawn(binary, args, { cwd: folder, detached: true, stdio: ['ignore', log.fd, log.fd] });
  } finally {
    await log.close();
  }
}

function ending(child: ChildProcess): Promise<string> {
  const name = path.basename(child.spawnfile);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`${name} could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(`${name} ended (${signal ?? `exit code ${code}`})`));
  });
}

async function ready(child: ChildProcess, url: string, logFile: string): Promise<void> {
  let ended: string | undefined;
  void ending(child).then((how) => (ended = how));
  const deadline = Date.now() + READY_LIMIT_MS;
  while (ended === undefined && Date.now() < deadline) {
    const response = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (response?.ok === true) return;
    await sleep(100);
  }
  throw new SetupError(`${ended ?? `${url} did not answer`}. The end of ${logFile}:\n${await tailOf(logFile, 1500)}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = ending(child);
  child.kill('SIGTERM');
  await gone;
}
