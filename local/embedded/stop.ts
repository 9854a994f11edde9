/** `npm run stop`: ends the embedded Temporal server of this checkout. */
import { loadConfig } from '../../common/config';
import { messageOf, toStderr } from './report';
import { stopTemporalServer } from './server-record';

async function main(): Promise<void> {
  const pid = await stopTemporalServer(loadConfig().home);
  toStderr(
    pid === undefined ? 'No embedded Temporal server is running here.' : `Stopped the Temporal server (${pid}).`,
  );
}

main().catch((error: unknown) => {
  toStderr(messageOf(error));
  process.exitCode = 1;
});
