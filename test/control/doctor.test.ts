/** What the doctor says of workers that this machine cannot ask. */
import { Context } from '@temporalio/activity';
import { taskQueue } from '../../common/pools';
import { diagnose } from '../../operate/doctor';
import { until } from '../support/stack';
import { describeOnServers, done } from './servers';

describeOnServers('the doctor', (control) => {
  test('tells slots and memory of every worker where the server lists workers, and how many there are where it does not', async () => {
    let release: (() => void) | undefined;
    const makeImage = async (): Promise<object> => {
      const beat = setInterval(() => Context.current().heartbeat(), 500);
      await new Promise<void>((resolve) => (release = resolve)).finally(() => clearInterval(beat));
      return done;
    };
    await control().work('workflows');
    await control().work('image', { makeImage }, 3);
    const id = await control().submit('slots', 'busy');
    await until(() => release !== undefined);
    const { server, prefix } = control();
    const { serverVersion } = await server.client.workflowService.getSystemInfo({});
    const name = taskQueue(prefix, 'image');
    const look = async (): Promise<string> => {
      const results = await diagnose({
        ...{ TEMPORAL_ADDRESS: server.config.temporalAddress, DARKROOM_HOME: server.folder },
        DARKROOM_QUEUE_PREFIX: prefix,
      });
      return results.find((result) => result.name === 'image workers')?.detail ?? '';
    };
    if (/^1\.2\d\./.test(serverVersion)) expect(await look()).toBe(`1 on ${name}`);
    else {
      await until(async () => (await look()).includes('slots'), 500);
      const text = /^1 on \S+, 1 of 3 slots used, memory of their machines up to \d+ %, processors up to \d+ %$/;
      await until(async () => text.test(await look()), 500);
    }
    release?.();
    await control().server.client.workflow.getHandle(id).result();
  });
});
