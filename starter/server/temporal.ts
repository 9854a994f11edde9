import type { Connection } from '@temporalio/client';
import type { DependencyState } from '../../common/health';
import type { Logger } from '../../common/logger';
import { ensureSearchAttributes } from '../../temporal/connect';
import { rootMessage } from '../../temporal/grpc';
import { AWAY_RETRY_SECONDS } from './http/failures';
import { ApiError } from './http/problems';

const EVERY_MS = 2_000;
const ANSWER_MS = 1_500;

/** Knows whether Temporal answers, so that nobody waits for a server that is away. Mends itself when it is back. */
export class TemporalMonitor {
  private state: DependencyState = { ok: false, detail: 'Temporal has not been asked yet.' };
  private timer: NodeJS.Timeout | undefined;
  private registered = false;

  constructor(
    private readonly connection: Connection,
    private readonly namespace: string,
    private readonly logger: Logger,
    /** Called once, when Temporal has answered for the first time. */
    private readonly prepare: () => Promise<void> = () => Promise.resolve(),
  ) {}

  /** Looks at once, and then every two seconds until `stop`. */
  async start(): Promise<void> {
    await this.look();
    this.timer = setTimeout(() => void this.start(), EVERY_MS);
    this.timer.unref();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  get current(): DependencyState {
    return this.state;
  }

  /** @throws ApiError TemporalUnavailable while it is away */
  require(): void {
    if (this.state.ok) return;
    throw new ApiError('TemporalUnavailable', 'Temporal cannot be reached; nothing was lost. Try again in a moment.', {
      retryAfterSeconds: AWAY_RETRY_SECONDS,
    });
  }

  private async look(): Promise<void> {
    const before = this.state.ok;
    let reason: string | undefined;
    try {
      await this.connection.withDeadline(Date.now() + ANSWER_MS, () =>
        this.connection.workflowService.describeNamespace({ namespace: this.namespace }),
      );
      if (!this.registered) await this.register();
      this.state = { ok: true };
    } catch (error) {
      // The reason speaks of sockets and of gRPC: it is for the log.
      reason = rootMessage(error).slice(0, 300);
      this.state = { ok: false, detail: 'Temporal does not answer.' };
    }
    if (before !== this.state.ok) this.logger.info({ reason }, `Temporal is ${this.state.ok ? 'there' : 'away'}`);
  }

  /** Temporal Cloud does not offer the call; there somebody has registered them by `tcld`. */
  private async register(): Promise<void> {
    this.registered = true;
    await ensureSearchAttributes(this.connection, this.namespace).catch((error: unknown) =>
      this.logger.warn({ detail: rootMessage(error) }, 'search attributes could not be registered'),
    );
    // Nobody waits for it: jobs are taken without.
    void this.prepare().catch((error: unknown) =>
      this.logger.warn({ detail: rootMessage(error) }, 'the maintenance schedule could not be made'),
    );
  }
}
