import path from 'node:path';
import { stringify } from 'yaml';
import type { Config } from '../../common/config';
import { projectRoot } from '../../common/paths';
import { targetsFolder } from '../../local/embedded/targets';

export interface MonitorPorts {
  /** Of the queue exporter, Prometheus and Alertmanager, on the loopback address. */
  exporter: number;
  prometheus: number;
  alertmanager: number;
}

const RULES = path.join(projectRoot(), 'observability', 'rules', '*.yaml');

/**
 * Prometheus's configuration for one machine: embedded services by the files that they leave, those that were started by
 * hand by their fixed ports, and the queues by our own exporter.
 * @param everySeconds between two scrapes, and between two evaluations of the rules
 */
export function prometheusConfig(config: Config, ports: MonitorPorts, everySeconds = 5): string {
  const every = `${everySeconds}s`;
  const local = (port: number): string => `127.0.0.1:${port}`;
  const fixed = [config.workerPort, config.sdkMetricsPort].filter((port) => port !== 0).map(local);
  return stringify({
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: [RULES],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [local(ports.alertmanager)] }] }] },
    scrape_configs: [
      { job_name: 'darkroom-queues', static_configs: [{ targets: [local(ports.exporter)] }] },
      {
        // Each file names its own job.
        job_name: 'darkroom-embedded',
        file_sd_configs: [{ files: [path.join(targetsFolder(config.home), '*.json')], refresh_interval: '5s' }],
      },
      ...(config.httpPort === 0
        ? []
        : [{ job_name: 'darkroom-starter', static_configs: [{ targets: [local(config.httpPort)] }] }]),
      ...(fixed.length === 0 ? [] : [{ job_name: 'darkroom-worker', static_configs: [{ targets: fixed }] }]),
    ],
  });
}
