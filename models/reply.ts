import { z } from 'zod';
import type { Analysis } from '../common/analysis';
import { replyReader, replyText as text } from '../common/task-reply';

const corner = z.tuple([z.int().min(0), z.int().min(0)]);
const line = z.object({
  text,
  confidence: z.number().min(0).max(1),
  box: z.tuple([corner, corner, corner, corner]),
});

const seconds = z.number().min(0);

const px = z.int().min(0);
const face = z.object({ confidence: z.number().min(0).max(1), x: px, y: px, width: px.min(1), height: px.min(1) });

const analysis = z.object({
  text: z
    .object({ alt: z.string().max(500), lines: z.array(line).max(300), omitted: z.int().min(1).optional() })
    .optional(),
  faces: z.object({ boxes: z.array(face).max(100), omitted: z.int().min(1).optional() }).optional(),
  speech: z
    .object({ seconds, ranges: z.array(z.tuple([seconds, seconds])).max(2000), omitted: z.int().min(1).optional() })
    .optional(),
});

/** The answer of a model's process; undefined for nonsense. */
export const readReply = replyReader<Analysis>(analysis);
