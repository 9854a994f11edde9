import { AT_A_GLANCE } from './at-a-glance';
import { dashboard, type DashboardSpec } from './panel';
import { SLO } from './slo';
import { STARTER } from './starter';
import { TEMPORAL } from './temporal';
import { WORKERS } from './workers';

export const DASHBOARDS: readonly DashboardSpec[] = [AT_A_GLANCE, WORKERS, STARTER, TEMPORAL, SLO];

/** The JSON that Grafana imports, by file name. */
export function dashboardFiles(): Record<string, string> {
  return Object.fromEntries(
    DASHBOARDS.map((spec) => [`${spec.uid}.json`, `${JSON.stringify(dashboard(spec), null, 2)}\n`]),
  );
}
