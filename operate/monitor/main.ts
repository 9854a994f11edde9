/** `npm run monitor`: Prometheus and Alertmanager with our rules, and the queue exporter, beside what runs here. */
import { loadConfig, type Config } from '../../common/config';
import { takesNoArguments } from '../../common/no-arguments';
import { configuredAddress, connect } from '../../temporal/connect';
import { messageOf, SetupError, toStderr } from '../../local/embedded/report';
import { startMonitor } from './monitor';

/** The programs' usual ports, so that bookmarks work. */
const PORTS = { exporter: 9466, prometheus: 9090, alertmanager: 9093 };

async function main(): Promise<void> {
  takesNoArguments('monitor', 'Prometheus and Alertmanager beside what runs here, until Ctrl-C.');
  const base = loadConfig();
  const temporalAddress = configuredAddress(base) ?? `127.0.0.1:${base.embeddedPort}`;
  const config = { ...base, temporalAddress };
  const connection = await connect(config).catch(() => {
    throw new SetupError(
      `Nothing answers at ${temporalAddress}. Start something first: npm run start-batch or npm run dev (or set TEMPORAL_ADDRESS).`,
    );
  });
  const monitor = await startMonitor(connection, config, { ports: PORTS });
  toStderr(`Alerts     ${monitor.prometheusUrl}/alerts, as routed: ${monitor.alertmanagerUrl}`);
  toStderr(`Queries    ${monitor.prometheusUrl}/graph, for example darkroom:backlog_items`);
  toStderr(`Targets    ${monitor.prometheusUrl}/targets; the queues themselves: ${monitor.exporterUrl}`);
  toStderr(`Told       ${whoIsTold(config)}`);
  toStderr('Dashboards observability/dashboards/*.json, for any Grafana with this Prometheus. Ctrl-C ends it all.');
  const broken = await Promise.race([monitor.broken, untilInterrupted()]);
  await monitor.stop();
  await connection.close();
  if (broken !== undefined) throw new SetupError(`${broken}; see ${config.home}/monitor`);
}

/** By name only: the addresses are secrets. */
function whoIsTold({ alertPageUrl, alertTicketUrl }: Config): string {
  const nobody = (severity: string, variable: string): string =>
    `nobody of a ${severity} (set ${variable} to a webhook)`;
  const page = alertPageUrl === undefined ? nobody('page', 'DARKROOM_ALERT_PAGE_URL') : 'your webhook of a page';
  const ticket =
    alertTicketUrl === undefined ? nobody('ticket', 'DARKROOM_ALERT_TICKET_URL') : 'your webhook of a ticket';
  return `${page}; ${ticket}`;
}

function untilInterrupted(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(undefined));
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    toStderr(messageOf(error));
    process.exit(1);
  },
);
