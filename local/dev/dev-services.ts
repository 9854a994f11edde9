import { existsSync } from 'node:fs';
import type { Config } from '../../common/config';
import { built } from '../../common/paths';
import { allowedRootsFile } from '../embedded/allowed-roots';
import { startService, type Service } from '../embedded/child-process';
import type { Report } from '../embedded/report';
import { startWorkerProcess } from '../embedded/worker-process';

const API_SERVER = 'starter/server/main.js';

/** The processes that `npm run dev` keeps: a worker, and the API server where it is built. */
export class DevServices {
  private running: Service[] = [];
  private stopped = false;

  constructor(
    private readonly config: Config,
    private readonly address: string,
    private readonly report: Report,
  ) {}

  /** Ends what runs, in order, and starts it from the new build. */
  async restart(): Promise<void> {
    await this.end();
    if (this.stopped) return;
    await this.start('worker', startWorkerProcess(this.config, this.address));
    if (existsSync(built(API_SERVER))) {
      const env = {
        ...process.env,
        TEMPORAL_ADDRESS: this.address,
        // What the commands on this machine were allowed, as the worker beside it.
        DARKROOM_ALLOWED_ROOTS_FILE: allowedRootsFile(this.config),
      };
      await this.start('API server', startService({ module: API_SERVER, env }));
    }
    // Ctrl-C while they were starting.
    if (this.stopped) await this.end();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.end();
  }

  private async start(name: string, starting: Promise<Service>): Promise<void> {
    const service = await starting;
    this.running.push(service);
    this.report(`${name} ready (pid ${service.pid}, http://localhost:${service.httpPort}/ready)`);
    void service.ended.then((how) => {
      if (this.running.includes(service)) this.report(`${name} ended with ${how}; the next save starts it again`);
    });
  }

  private async end(): Promise<void> {
    const services = this.running;
    this.running = [];
    await Promise.all(services.map((service) => service.stop()));
  }
}
