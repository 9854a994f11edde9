/** `npm run stop`: ends the embedded Temporal server of this checkout. */
import { loadConfig } from '../../common/config';
import { takesNoArguments } from '../../common/no-arguments';
import { messageOf, toStderr } from './report';
import { stopTemporalServer } from './server-record';

async function main(): Promise<void> {
  takesNoArguments('stop', 'Ends the embedded Temporal server of this checkout.');
  const pid = await stopTemporalServer(loadConfig().home);
  toStderr(
    pid === undefined ? 'No embedded Temporal server is running here.' : `Stopped the Temporal server (${pid}).`,
  );
}

main().catch((error: unknown) => {
  toStderr(messageOf(error));
  process.exitCode = 1;
});
