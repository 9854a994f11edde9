import type { Client } from '@temporalio/client';

/** Smaller differences are the way to the server and back. */
const NOTICEABLE_MS = 2_000;

/**
 * How far the server's clock is ahead of ours, in ms, told from a run that was started just now. Runs are asked for by the
 * server's times, and a laptop's clock may be minutes off.
 */
export async function clockSkew(client: Client, workflowId: string): Promise<number> {
  const { startTime } = await client.workflow.getHandle(workflowId).describe();
  const skew = startTime.getTime() - Date.now();
  return Math.abs(skew) < NOTICEABLE_MS ? 0 : skew;
}
