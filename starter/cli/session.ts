import path from 'node:path';
import type { Client } from '@temporalio/client';
import type { Config } from '../../common/config';
import { availableCores } from '../../common/cores';
import { configuredAddress, connect, createClient } from '../../temporal/connect';
import { startTraces, stopTraces } from '../../common/traces';
import { createStorage, type Storage } from '../../storage';
import type { KnownSlots } from '../core/batch';
import { retrying, type RetryOptions } from '../../temporal/grpc';
import { allowedRootsFile, allowRoots } from '../../local/embedded/allowed-roots';
import type { Service } from '../../local/embedded/child-process';
import { startWorkerProcess } from '../../local/embedded/worker-process';
import { SetupError, type Report } from '../../local/embedded/report';
import { ensureTemporalServer, TemporalAway, type TemporalServer } from '../../local/embedded/temporal-server';

/** A worker that ends by itself this often is not started again. */
const MAX_RESTARTS = 3;

/** What the person named on the command line, and so may be used on this machine. */
export interface Named {
  /** Paths. */
  folders?: string[];
  /** `bucket` or `bucket/prefix`. */
  buckets?: string[];
  hosts?: string[];
}

/** A connection to Temporal for one command, and on one machine a worker beside it. */
export class Session {
  private worker: Service | undefined;
  private closing = false;

  private constructor(
    readonly config: Config,
    readonly server: TemporalServer,
    readonly client: Client,
    readonly storage: Storage,
  ) {}

  /**
   * Finds or starts the server.
   * @param patience of a command that starts work: a configured server that does not answer is waited for
   * @throws SetupError with the way out in its message
   */
  static async open(base: Config, named: Named, report: Report, patience?: RetryOptions): Promise<Session> {
    const server = await retrying(() => ensureTemporalServer(base, report), {
      ...{ limitMs: patience === undefined ? 0 : base.connectWait, passes: (error) => error instanceof TemporalAway },
      ...patience,
    });
    const config: Config = {
      ...base,
      temporalAddress: server.address,
      allowedRoots: [...base.allowedRoots, ...(named.folders ?? [])],
      allowedBuckets: [...base.allowedBuckets, ...(named.buckets ?? [])],
      allowedHosts: [...base.allowedHosts, ...(named.hosts ?? [])],
      allowedRootsFile: server.origin === 'configured' ? base.allowedRootsFile : allowedRootsFile(base),
    };
    if (server.origin !== 'configured') await allowRoots(base, named.folders ?? []);
    startTraces(config, 'cli', report);
    const connection = await connect(config);
    return new Session(config, server, createClient(connection, config), createStorage(config));
  }

  get queuePrefix(): string {
    return this.config.queuePrefix;
  }

  /** True where nobody named a server: then the command runs the worker too. */
  get embedded(): boolean {
    return this.server.origin !== 'configured';
  }

  /** How many items our own worker runs at once; undefined where the workers are somebody else's. */
  get slots(): KnownSlots | undefined {
    if (!this.embedded) return undefined;
    const images = this.config.imageSlots || availableCores();
    return { least: images, most: images + (this.config.videoSlots || availableCores()) };
  }

  /** Where a person sees the runs of a batch. */
  batchUrl(batchId: string): string | undefined {
    if (this.server.uiUrl === undefined) return undefined;
    const query = encodeURIComponent(`MediaBatchId="${batchId}"`);
    return `${this.server.uiUrl}/namespaces/${this.client.options.namespace}/workflows?query=${query}`;
  }

  /** Starts the worker and keeps one running. @throws SetupError when none can be started */
  async startWorker(report: Report): Promise<void> {
    await this.launch(report, 0);
  }

  private async launch(report: Report, restarts: number): Promise<void> {
    const logFile = path.join(this.config.home, 'log', 'worker.log');
    const worker = await startWorkerProcess(this.config, this.server.address, logFile);
    this.worker = worker;
    if (this.closing) return worker.stop();
    void worker.ended.then(async (how) => {
      if (this.closing) return;
      if (restarts >= MAX_RESTARTS)
        return report(`The worker ended again (${how}); see ${logFile}. Items wait for one.`);
      report(`The worker ended (${how}); starting another one. Its log: ${logFile}`);
      await this.launch(report, restarts + 1).catch((error: unknown) => report(reasonOf(error)));
    });
  }

  /** Stops the worker in order: what it works on is finished, or handed back after its grace. */
  async close(): Promise<void> {
    this.closing = true;
    await this.worker?.stop();
    this.storage.close();
    await this.client.connection.close();
    await stopTraces();
  }
}

/** The server that the user names is on another machine, so that local files mean nothing to its workers. */
export function isRemote(config: Config): boolean {
  const address = configuredAddress(config);
  return address !== undefined && !isLoopback(address);
}

/** `localhost:7233`, `127.0.0.1:7233`, `[::1]:7233`: the same machine. */
export function isLoopback(address: string): boolean {
  const host = address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

function reasonOf(error: unknown): string {
  return error instanceof SetupError ? error.message : `The worker could not be started: ${String(error)}`;
}
