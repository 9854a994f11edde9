import { Context } from '@temporalio/activity';
import type { DeadLetters, MaintenanceStep, StepTally } from '../../common/maintenance';
import { beating } from '../beating';
import type { ActivityDeps } from '../deps';
import { cleanIndex } from './index-entries';
import { cleanDatabase } from './database';
import { cleanQuarantine } from './quarantine';
import { cleanQueue } from './queue';
import { cleanScratch } from './scratch';
import { cleanStore } from './store';
import { cleanUploads } from './uploads';
import { Findings, type StepContext } from './step';

/** The function of each step of the maintenance table. */
const STEPS: Record<MaintenanceStep, (step: StepContext) => Promise<void>> = {
  store: cleanStore,
  uploads: cleanUploads,
  database: cleanDatabase,
  queue: cleanQueue,
  scratch: cleanScratch,
  index: cleanIndex,
  quarantine: cleanQuarantine,
};

/**
 * Runs one step of the maintenance. An attempt that follows a lost one goes on from the last heartbeat's figures.
 * @param cleanup false: counts what would be removed
 * @param deadLetters what a cleanup does with dead letters of the queue of jobs
 * @throws ApplicationFailure retryable where a store or the server is away
 */
export async function maintain(
  deps: ActivityDeps,
  step: MaintenanceStep,
  cleanup: boolean,
  deadLetters: DeadLetters = 'keep',
): Promise<StepTally> {
  const context = Context.current();
  const log = deps.logger.child({ maintenance: step, attempt: context.info.attempt });
  try {
    return await beating(deps, async (pulse) => {
      const findings = new Findings(cleanup, context.info.heartbeatDetails, (state) => pulse.progress(state));
      await STEPS[step]({ deps, log, findings, cleanup, deadLetters, client: context.client, now: Date.now(), pulse });
      deps.metrics.darkroom_maintenance_success_timestamp_seconds.set({ step }, Date.now() / 1000);
      const { found, removed, bytes } = findings.tally;
      log.info({ cleanup, found, removed, bytes }, 'maintenance step done');
      return findings.tally;
    });
  } catch (error) {
    deps.metrics.darkroom_maintenance_failures_total.inc({ step });
    log.warn({ error }, 'maintenance step failed');
    throw error;
  }
}
