/** Who is told of alerts: nobody by default, and whoever a webhook names; by `npm run monitor` and by Compose alike. */
import { spawn } from 'node:child_process';
import { mkdir, writeFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { which } from '../common/config/executables';
import { projectRoot } from '../common/paths';
import { alertmanagerConfig } from '../operate/monitor/alertmanager-config';
import { freePort } from '../local/embedded/free-port';
import { until } from '../test/support/stack';
import { startListener } from './e2e/webhooks';
import { hasTool, inTemporaryFolder, runTool } from './tools';

const BINARIES = ['alertmanager', 'prometheus-alertmanager'];
const urls = { page: 'http://127.0.0.1:1/wake?token=a&b=c', ticket: 'http://127.0.0.1:1/write' };

test('nobody is told by default', () => {
  const { receivers } = parse(alertmanagerConfig({})) as { receivers: object[] };
  expect(receivers).toEqual([{ name: 'page' }, { name: 'ticket' }]);
});

(hasTool('amtool') ? test : test.skip)('Compose makes the same of its secrets as the monitor of its variables', () =>
  inTemporaryFolder(async (folder) => {
    for (const given of [urls, { ticket: urls.ticket }, {}]) {
      const secrets = path.join(folder, Object.keys(given).join('-') || 'none');
      await mkdir(secrets);
      for (const [receiver, url] of Object.entries({ page: '', ticket: '', ...given })) {
        await writeFile(path.join(secrets, `alert_${receiver}_url`), url);
      }
      const config = path.join(secrets, 'alertmanager.yml');
      const script = path.join(projectRoot(), 'deploy/compose/alertmanager.sh');
      const routes = path.join(projectRoot(), 'observability/alertmanager/alertmanager.yaml');
      const printed = await runTool('/bin/sh', [script, routes, secrets, config, 'amtool', 'check-config', config]);
      expect(printed).toContain('SUCCESS');
      expect(printed.includes('Nobody is told of a page')).toBe(!('page' in given));
      expect(parse(await readFile(config, 'utf8'))).toEqual(parse(alertmanagerConfig(given)));
    }
  }),
);

(hasTool(...BINARIES) ? test : test.skip)('a page reaches its webhook, and only that', () =>
  inTemporaryFolder(async (folder) => {
    const listener = await startListener();
    const config = parse(alertmanagerConfig({ page: listener.url('page'), ticket: listener.url('ticket') })) as {
      route: object;
    };
    const file = path.join(folder, 'alertmanager.yaml');
    // It collects for 30 s before it tells; not here.
    await writeFile(file, stringify({ ...config, route: { ...config.route, group_wait: '0s' } }));
    const address = `127.0.0.1:${await freePort()}`;
    const binary = BINARIES.map((name) => which(name)).find((found) => found !== undefined) ?? '';
    const child = spawn(
      binary,
      [
        `--config.file=${file}`,
        `--storage.path=${folder}`,
        '--cluster.listen-address=',
        `--web.listen-address=${address}`,
      ],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      await until(async () => (await fetch(`http://${address}/-/ready`).catch(() => undefined))?.ok === true);
      await fetch(`http://${address}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ labels: { alertname: 'QueueStuck', severity: 'page' } }]),
      });
      await until(() => listener.heard().length > 0);
      expect(listener.heard()).toEqual(['page QueueStuck firing']);
    } finally {
      child.kill();
      await ended;
      await listener.close();
    }
  }),
);
