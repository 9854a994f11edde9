import { z } from 'zod';
import { MAINTENANCE_STEP_NAMES } from '../../../common/maintenance';
import { lastMaintenances, nextMaintenance, type MaintenanceRun } from '../../core/maintenance';
import type { App } from '../app-type';
import { requireOperator } from '../guard/auth';
import { failures } from '../http/route-docs';
import type { Service } from '../service';
import { bounded } from '../submit';

const query = z.object({ limit: z.coerce.number().int().min(1).max(50).default(10) });
const step = z.object({
  step: z.enum(MAINTENANCE_STEP_NAMES).describe('Name of the step'),
  found: z.int(),
  removed: z.int(),
  bytes: z.number().describe('Of what was found'),
  note: z.string().optional(),
  error: z.string().optional().describe('One sentence; absent: the step has reached its end'),
});
const run = z.object({
  startedAt: z.string(),
  endedAt: z.string().optional().describe('Absent while the maintenance runs (ISO 8601)'),
  cleanup: z.boolean().optional(),
  steps: z.array(step).optional().describe('Absent while the maintenance runs, and where it was ended from outside'),
});
export const maintenanceAnswer = z.object({
  runs: z.array(run).describe('The latest first'),
  nextAt: z.string().optional(),
});

/** What the page shows of the maintenance. It concerns the whole installation, so that it is for operators. */
export function maintenanceRoutes(app: App, service: Service): void {
  app.get(
    '/v1/maintenance',
    {
      schema: {
        tags: ['Maintenance'],
        summary: 'The last runs of the maintenance that Temporal knows, and when the next one is due',
        querystring: query,
        response: { 200: maintenanceAnswer, ...failures(400, 401, 403, 503) },
      },
    },
    async ({ principal, query: { limit } }) => {
      requireOperator(principal);
      const { client, queuePrefix } = service;
      const [runs, next] = await bounded(service, () =>
        Promise.all([lastMaintenances(client, queuePrefix, limit), nextMaintenance(client, queuePrefix)]),
      );
      return { runs: runs.map(viewOf), nextAt: next?.toISOString() };
    },
  );
}

/** Without the names of files. */
function viewOf({ startedAt, endedAt, result }: MaintenanceRun): z.output<typeof run> {
  return {
    startedAt: startedAt.toISOString(),
    endedAt: endedAt?.toISOString(),
    cleanup: result?.cleanup,
    steps: result?.steps.map(({ examples: _, ...figures }) => figures),
  };
}
