import { isCancellation, log } from '@temporalio/workflow';
import type { Analysis, Findings } from '../common/analysis';
import type { Rendition, WorkItem } from '../common/contracts';
import { MODELS, type ModelName } from '../common/models';
import { routed } from './route-model';
import type { Steps } from './steps';

/**
 * What models find in a picture of the item. A model that fails costs the item its analysis and no picture: the item goes on,
 * and its manifest has a warning with the reason.
 * @param models as the preset names them
 * @param picture that is in storage already; absent: the source
 */
export async function analysed(
  item: WorkItem,
  steps: Steps,
  models: readonly ModelName[],
  picture?: Rendition,
): Promise<Findings> {
  const each = await Promise.all(models.map((model) => analysedBy(item, steps, model, picture)));
  const found = each.flatMap(({ analysis }) => analysis ?? []);
  return {
    ...(found.length > 0 && { analysis: Object.assign({}, ...found) as Analysis }),
    receipts: Object.assign({}, ...each.map(({ receipts }) => receipts)) as Findings['receipts'],
    warnings: each.flatMap(({ warnings }) => warnings),
  };
}

async function analysedBy(item: WorkItem, steps: Steps, model: ModelName, picture?: Rendition): Promise<Findings> {
  const of = picture && { path: picture.path, bytes: picture.bytes, sha256: picture.sha256 };
  const askedAt = Date.now();
  try {
    const { receipts, ...analysis } = await steps.run(
      stepOf(model),
      () => routed(item, { model, askedAt, picture: of }),
      {
        optional: true,
      },
    );
    return { analysis, receipts, warnings: [] };
  } catch (error) {
    if (isCancellation(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    log.warn('a model gave no result', { model, reason });
    return { warnings: [`There is no analysis "${model}" (${MODELS[model].name}): ${reason}`] };
  }
}

/** The step's name for people. */
export function stepOf(model: ModelName): string {
  return `analyse ${model}`;
}
