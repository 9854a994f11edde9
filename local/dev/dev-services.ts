import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../common/config';
import { built } from '../../common/paths';
import { allowedRootsFile } from '../embedded/allowed-roots';
import { startService, type Service } from '../embedded/child-process';
import { messageOf, type Report } from '../embedded/report';
import { startWorkerProcess } from '../embedded/worker-process';

const API_SERVER = 'starter/server/main.js';
/** ms until a process that crashed is started again, doubled with each crash in a row. */
const FIRST_DELAY_MS = 2_000;
const LONGEST_DELAY_MS = 60_000;
/** A process that stayed up for so long, ms, has recovered. */
const RECOVERED_MS = 60_000;

interface Kept {
  name: string;
  start: () => Promise<Service>;
}

/** The processes that `npm run dev` keeps up: a worker, and the API server where it is built. */
export class DevServices {
  private running: Service[] = [];
  /** Aborted when what runs is ended on purpose; each start has its own. */
  private round = new AbortController();
  private stopped = false;

  /**
   * @param address of Temporal
   * @param uiUrl of Temporal's Web UI, for the links of the page
   * @param apiEnv variables for the API server only
   */
  constructor(
    private readonly config: Config,
    private readonly temporal: { address: string; uiUrl?: string },
    private readonly report: Report,
    private readonly apiEnv: Record<string, string> = {},
  ) {}

  /** Ends what runs, in order, and starts it from the new build. */
  async restart(): Promise<void> {
    await this.end();
    if (this.stopped) return;
    this.round = new AbortController();
    for (const kept of this.kept()) await this.start(kept, this.round.signal);
    // Ctrl-C while they were starting.
    if (this.stopped) await this.end();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.end();
  }

  private kept(): Kept[] {
    const { config, temporal } = this;
    const env = {
      ...process.env,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_UI_URL: temporal.uiUrl,
      // What the commands on this machine were allowed, as the worker beside it.
      DARKROOM_ALLOWED_ROOTS_FILE: allowedRootsFile(config),
    };
    const port = process.env['DARKROOM_WORKER_PORT'];
    const worker = { name: 'worker', start: () => startWorkerProcess(config, temporal.address, undefined, port) };
    const api = {
      name: 'API server',
      start: () => startService({ module: API_SERVER, env: { ...env, ...this.apiEnv } }),
    };
    return existsSync(built(API_SERVER)) ? [worker, api] : [worker];
  }

  /** @param delayMs before the next start, should this one crash at once */
  private async start(kept: Kept, round: AbortSignal, delayMs = FIRST_DELAY_MS): Promise<void> {
    const { name } = kept;
    const service = await kept.start();
    if (round.aborted) return service.stop();
    this.running.push(service);
    const startedAt = Date.now();
    const where = name === 'worker' ? '' : `; the page: http://localhost:${service.httpPort}`;
    this.report(`${name} ready (pid ${service.pid})${where}`);
    void service.ended.then((how) => {
      this.running = this.running.filter((each) => each !== service);
      const delay = Date.now() - startedAt > RECOVERED_MS ? FIRST_DELAY_MS : delayMs;
      if (!round.aborted) void this.bringBack(kept, round, how, delay);
    });
  }

  private async bringBack(kept: Kept, round: AbortSignal, how: string, delayMs: number): Promise<void> {
    this.report(`${kept.name} crashed (${how}); restarting in ${delayMs / 1000} s`);
    const next = Math.min(2 * delayMs, LONGEST_DELAY_MS);
    try {
      await sleep(delayMs, undefined, { signal: round });
      await this.start(kept, round, next);
    } catch (error) {
      if (!round.aborted) await this.bringBack(kept, round, messageOf(error), next);
    }
  }

  private async end(): Promise<void> {
    this.round.abort();
    const services = this.running;
    this.running = [];
    await Promise.all(services.map((service) => service.stop()));
  }
}
