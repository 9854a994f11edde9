import { z } from 'zod';
import { stepsOf } from '../../core/view/steps';
import type { App } from '../app-type';
import { findJob } from '../guard/access';
import { failures } from '../http/route-docs';
import { jobParams } from '../http/schemas';
import type { Service } from '../service';
import { bounded } from '../submit';

export const stepsAnswer = z.object({
  steps: z.array(
    z.object({
      name: z.string(),
      state: z
        .enum(['waiting', 'running', 'done', 'failed', 'cancelled'])
        .describe('cancelled: the job ended before the step had a result'),
      attempts: z.int(),
      scheduledAt: z.string(),
      startedAt: z.string().optional().describe('Of the last attempt'),
      endedAt: z.string().optional(),
    }),
  ),
});

/** The time line of a job, from its history in Temporal. */
export function stepRoutes(app: App, service: Service): void {
  app.get(
    '/v1/jobs/:id/steps',
    {
      schema: {
        tags: ['Jobs'],
        summary: 'What its last run did, step by step, with attempts and times',
        params: jobParams,
        response: { 200: stepsAnswer, ...failures(401, 404, 503) },
      },
    },
    async ({ principal, params }) => {
      const run = await findJob(service, principal, params.id);
      const { workflowId, runId, closeTime, raw } = run;
      const pending = raw.pendingActivities ?? [];
      return { steps: await bounded(service, () => stepsOf(service.client, workflowId, runId, pending, closeTime)) };
    },
  );
}
