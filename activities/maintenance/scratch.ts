import type { StepContext } from './step';

/** Removes the scratch folders of workers that died on the machine of this worker. */
export async function cleanScratch({ deps, findings, cleanup }: StepContext): Promise<void> {
  for (const { name, bytes } of (await deps.leftovers?.(cleanup)) ?? []) {
    await findings.take(name, bytes, () => Promise.resolve());
  }
}
