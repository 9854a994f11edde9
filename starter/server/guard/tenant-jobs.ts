import type { Client } from '@temporalio/client';
import { openOfTenantQuery, startedOfTenantQuery } from '../../../temporal/batches/query';
import { ApiError } from '../http/problems';
import type { Principal } from './auth';

/** ms that a count is good for. Runs show in the visibility store a little after they began. */
const FRESH_MS = 2_000;
const RETRY_SECONDS = 10;
const MINUTE_MS = 60_000;
/**
 * Minutes over which a rate has to hold. The long ones are for batches larger than a minute's worth: they are let in whole,
 * and the debt is paid before the next one.
 */
const WINDOWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const LONGEST = 1024;

interface Counts {
  open: number;
  /** Jobs begun within each of WINDOWS; empty where the tenant has no rate. */
  started: number[];
}

interface Counted {
  at: number;
  counts: Promise<Counts>;
  /** Jobs let in here since the count, and in the window before: the count may lack their runs. */
  since: number;
  before: number;
}

/**
 * How many jobs of a tenant are open, and how many began lately, by the server's own count. So both limits hold over all
 * replicas and whatever way the jobs came. Replicas may together pass a limit by what they start within two seconds.
 */
export class TenantJobs {
  private readonly tenants = new Map<string, Counted>();

  constructor(private readonly client: Client) {}

  /**
   * Lets so many jobs in.
   * @throws ApiError TooManyOpen where that would be more than the tenant may have; RateLimited where its last minutes
   * have had as many jobs as its keys may send in that time
   */
  async admit(principal: Principal, jobs: number): Promise<void> {
    const { tenant, maxOpen, tenantRate } = principal;
    if (tenant === undefined || (maxOpen === Infinity && tenantRate === undefined)) return;
    const counted = this.counted(tenant, tenantRate);
    const { open, started } = await counted.counts;
    const unseen = counted.since + counted.before;
    if (open + unseen + jobs > maxOpen) {
      const text = `The tenant "${tenant}" has ${open + unseen} open jobs and may have ${maxOpen}, so ${jobs} more have to wait.`;
      throw new ApiError('TooManyOpen', text, { retryAfterSeconds: RETRY_SECONDS });
    }
    if (tenantRate !== undefined) checkRate(tenant, tenantRate, started, unseen);
    counted.since += jobs;
  }

  /** So many of the jobs that were let in did not start, or if negative, so many more did. */
  correct(tenant: string | undefined, jobs: number): void {
    const counted = this.tenants.get(tenant ?? '');
    if (counted !== undefined) counted.since -= jobs;
  }

  private counted(tenant: string, rate: number | undefined): Counted {
    let counted = this.tenants.get(tenant);
    if (counted === undefined || Date.now() - counted.at > FRESH_MS) {
      const counts = this.count(tenant, rate);
      counted = { at: Date.now(), counts, since: 0, before: Math.max(0, counted?.since ?? 0) };
      this.tenants.set(tenant, counted);
      // The caller is answered with the failure; the next one asks again.
      counts.catch(() => this.tenants.delete(tenant));
    }
    return counted;
  }

  private async count(tenant: string, rate: number | undefined): Promise<Counts> {
    const number = async (query: string): Promise<number> => (await this.client.workflow.count(query)).count;
    const begun = (minutes: number): Promise<number> =>
      number(startedOfTenantQuery(tenant, new Date(Date.now() - minutes * MINUTE_MS)));
    const [open, most] = await Promise.all([
      number(openOfTenantQuery(tenant)),
      rate === undefined ? 0 : begun(LONGEST),
    ]);
    // As a rule the longest window has less than a minute's worth, so one count is all that it takes.
    if (rate === undefined || most < rate) return { open, started: rate === undefined ? [] : [most] };
    return { open, started: await Promise.all(WINDOWS.map(begun)) };
  }
}

/** @param started jobs within each of WINDOWS, or within the longest alone */
function checkRate(tenant: string, rate: number, started: number[], unseen: number): void {
  const debts = started.map((jobs, index) => jobs + unseen - rate * (started.length === 1 ? 1 : (WINDOWS[index] ?? 1)));
  const debt = Math.max(...debts);
  if (debt < 0) return;
  const text = `The tenant "${tenant}" has sent as many jobs as its keys may in a minute: ${rate}.`;
  throw new ApiError('RateLimited', text, { retryAfterSeconds: Math.ceil(((debt + 1) * 60) / rate) });
}
