import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectRoot } from '../../common/paths';

const schema = z.strictObject({
  objectives: z.array(
    z.strictObject({
      name: z.string().regex(/^[a-z]+(-[a-z]+)*$/),
      /** Percent of events that must be good over 30 days. */
      objective: z.number().gt(50).lt(100),
      response: z.enum(['page', 'ticket']),
      /** Fewest events of the long window that are judged. */
      events: z.number().int().positive(),
      why: z.string().min(40),
      bad: z.string().includes('[WINDOW]'),
      total: z.string().includes('[WINDOW]'),
    }),
  ),
});

export type Objective = z.infer<typeof schema>['objectives'][number];

/** The objectives of `observability/slo.yaml`. @throws ZodError that names what is wrong in it */
export function readObjectives(): Objective[] {
  const file = path.join(projectRoot(), 'observability', 'slo.yaml');
  return schema.parse(parse(readFileSync(file, 'utf8'))).objectives;
}

/** The share of bad events that uses the budget up in exactly 30 days. */
export function budgetOf({ objective }: Objective): number {
  return Number((1 - objective / 100).toFixed(6));
}
