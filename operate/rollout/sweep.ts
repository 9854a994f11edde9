import { readFile } from 'node:fs/promises';

/** Where the chart's objects are. */
export interface Cluster {
  /** Of the API server. */
  url: string;
  namespace: string;
  /** Helm release: the label app.kubernetes.io/instance. */
  release: string;
  /** Folder with the `token`; the CA beside it is trusted by NODE_EXTRA_CA_CERTS. */
  account: string;
}

/** Where a pod finds its service account. */
export const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** What the chart makes once for each build. Scalers first, or they would bring pods back. */
const KINDS = ['apis/keda.sh/v1alpha1', 'apis/autoscaling/v2', 'apis/apps/v1'];
const PLURALS = ['scaledobjects', 'horizontalpodautoscalers', 'deployments'];

/** Takes away what served builds that nothing needs any more. @returns their ids */
export async function sweep(cluster: Cluster, isDrained: (buildId: string) => Promise<boolean>): Promise<string[]> {
  const gone: string[] = [];
  for (const buildId of await builds(cluster)) {
    if (!(await isDrained(buildId))) continue;
    for (const [index, group] of KINDS.entries()) {
      const response = await call(
        cluster,
        'DELETE',
        `${group}/namespaces/${cluster.namespace}/${PLURALS[index]}`,
        buildId,
      );
      // A cluster without KEDA has no such kind.
      if (!response.ok && response.status !== 404)
        throw new Error(`Kubernetes: ${response.status} ${await response.text()}`);
    }
    gone.push(buildId);
  }
  return gone;
}

async function builds(cluster: Cluster): Promise<string[]> {
  const response = await call(cluster, 'GET', `apis/apps/v1/namespaces/${cluster.namespace}/deployments`);
  if (!response.ok) throw new Error(`Kubernetes: ${response.status} ${await response.text()}`);
  const { items } = (await response.json()) as { items: { metadata: { labels: Record<string, string> } }[] };
  return [...new Set(items.map(({ metadata }) => metadata.labels['darkroom/build'] ?? ''))];
}

async function call({ url, release, account }: Cluster, method: string, path: string, buildId?: string) {
  const token = await readFile(`${account}/token`, 'utf8');
  const labels = [
    `app.kubernetes.io/instance=${release}`,
    `darkroom/build${buildId === undefined ? '' : `=${buildId}`}`,
  ];
  const query = new URLSearchParams({ labelSelector: labels.join(',') });
  return fetch(`${url}/${path}?${query.toString()}`, {
    method,
    headers: { authorization: `Bearer ${token.trim()}` },
    signal: AbortSignal.timeout(30_000),
  });
}
