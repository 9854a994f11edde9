import type { Client } from '@temporalio/client';
import { openOfTenantQuery } from '../../../temporal/batches/query';
import { ApiError } from '../http/problems';
import type { Principal } from './auth';

/** ms that a count is good for. Runs show in the visibility store a little after they began. */
const FRESH_MS = 2_000;
const RETRY_SECONDS = 10;

interface Counted {
  at: number;
  open: Promise<number>;
  /** Jobs let in here since the count, and in the window before: the count may lack their runs. */
  since: number;
  before: number;
}

/**
 * How many jobs of a tenant are open, by the server's own count, so it holds over all replicas and whatever way the jobs
 * came. Replicas may together pass the limit by what they start within two seconds.
 */
export class OpenJobs {
  private readonly tenants = new Map<string, Counted>();

  constructor(private readonly client: Client) {}

  /** Lets so many jobs in. @throws ApiError TooManyOpen where that would be more than the tenant may have */
  async admit({ tenant, maxOpen }: Principal, jobs: number): Promise<void> {
    if (tenant === undefined || maxOpen === Infinity) return;
    const counted = this.counted(tenant);
    const open = (await counted.open) + counted.since + counted.before;
    if (open + jobs <= maxOpen) {
      counted.since += jobs;
      return;
    }
    const text = `The tenant "${tenant}" has ${open} open jobs and may have ${maxOpen}, so ${jobs} more have to wait.`;
    throw new ApiError('TooManyOpen', text, { retryAfterSeconds: RETRY_SECONDS });
  }

  /** So many of the jobs that were let in did not start, or if negative, so many more did. */
  correct(tenant: string | undefined, jobs: number): void {
    const counted = this.tenants.get(tenant ?? '');
    if (counted !== undefined) counted.since -= jobs;
  }

  private counted(tenant: string): Counted {
    let counted = this.tenants.get(tenant);
    if (counted === undefined || Date.now() - counted.at > FRESH_MS) {
      const open = this.client.workflow.count(openOfTenantQuery(tenant)).then(({ count }) => count);
      counted = { at: Date.now(), open, since: 0, before: Math.max(0, counted?.since ?? 0) };
      this.tenants.set(tenant, counted);
      // The caller is answered with the failure; the next one asks again.
      open.catch(() => this.tenants.delete(tenant));
    }
    return counted;
  }
}
