import { DASHBOARDS } from '../grafana';

interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

/** An instant query. @throws with Prometheus's own words for a bad one */
export async function query(url: string, expr: string): Promise<Sample[]> {
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query: expr }) });
  const body = (await response.json()) as { data?: { result: Sample[] }; error?: string };
  if (body.data === undefined) throw new Error(`${expr}: ${body.error}`);
  return body.data.result;
}

/** Every query of every panel that has no figure now, as `dashboard / panel: query`. */
export async function panelsWithoutData(url: string): Promise<string[]> {
  const empty: string[] = [];
  for (const { title, rows } of DASHBOARDS) {
    for (const panel of Object.values(rows).flat()) {
      for (const expr of Object.values(panel.queries)) {
        const figures = (await query(url, expr)).filter(({ value }) => value[1] !== 'NaN');
        if (figures.length === 0) empty.push(`${title} / ${panel.title}: ${expr}`);
      }
    }
  }
  return empty;
}

/** Names of the alerts that fire now. */
export function firing(url: string): Promise<string[]> {
  return alertNames(url, 'ALERTS{alertstate="firing"}');
}

/** Names of the alerts that fired at any moment of the last `minutes`. */
export function everFired(url: string, minutes: number): Promise<string[]> {
  return alertNames(url, `last_over_time(ALERTS{alertstate="firing"}[${minutes}m])`);
}

async function alertNames(url: string, expr: string): Promise<string[]> {
  return namesIn((await query(url, expr)).map(({ metric }) => metric));
}

function namesIn(labels: Record<string, string>[]): string[] {
  return [...new Set(labels.map((each) => each['alertname'] ?? ''))].sort();
}

/** Names of the alerts that Alertmanager would tell a receiver: those that are not inhibited or silenced. */
export async function notified(url: string, receiver: string): Promise<string[]> {
  const response = await fetch(`${url}/api/v2/alerts?active=true&inhibited=false&silenced=false&receiver=${receiver}`);
  const alerts = (await response.json()) as { labels: Record<string, string> }[];
  return namesIn(alerts.map(({ labels }) => labels));
}
