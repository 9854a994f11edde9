import { z } from 'zod';

/** What a job does now, step by step. */
export const progress = z.object({
  state: z.enum(['running', 'paused']),
  step: z.string(),
  percent: z.number(),
  steps: z.array(z.object({ name: z.string(), state: z.string(), attempts: z.int() })),
  chunks: z
    .object({ groups: z.array(z.object({ rungs: z.string(), states: z.string() })) })
    .optional()
    .describe('Of a video in chunks'),
  encoderFailures: z.int(),
  systemFailures: z.int().optional(),
});
