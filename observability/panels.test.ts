/** Every query of every panel, on a real Prometheus that scrapes real services during a batch, has an answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { panelsWithoutData } from './e2e/prometheus';
import { startSystem } from './e2e/system';
import { makeApiSamples, startBatch, submitByApi } from './e2e/traffic';
import { hasTool, inTemporaryFolder } from './tools';

const check = hasTool('prometheus') && hasTool('alertmanager', 'prometheus-alertmanager') ? test : test.skip;

check(
  'every panel shows something while a batch runs',
  () =>
    inTemporaryFolder(async (folder) => {
      const system = await startSystem(folder, { everySeconds: 1 });
      const stop = new AbortController();
      try {
        await makeApiSamples(system);
        await system.worker();
        const batch = startBatch(system, 20, stop.signal);
        let round = 0;
        let empty: string[];
        do {
          await submitByApi(system, ++round);
          await sleep(2000);
          empty = await panelsWithoutData(system.monitor.prometheusUrl);
          // The names stand here for whoever reads why it took too long.
          if (round % 20 === 0) process.stderr.write(`still empty: ${empty.join('\n')}\n`);
        } while (empty.length > 0);
        expect((await batch).code).toBe(0);
      } finally {
        stop.abort();
        await system.stop();
      }
    }),
  180_000,
);
