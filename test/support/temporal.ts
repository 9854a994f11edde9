import { loadConfig, type Config } from '../../common/config';
import { toStderr } from '../../local/embedded/report';
import { ensureTemporalBinary } from '../../local/embedded/temporal-binary';
import { testedServers, type TestedServer } from '../../local/embedded/tested-servers';

/** Version of the server that all tests run on; default: the one that commands start here. */
const VERSION = process.env['DARKROOM_TEST_SERVER'];

/** The servers that tests of the operations run on. */
export function serversToTest(): TestedServer[] {
  return testedServers(loadConfig()).filter(({ version }) => VERSION === undefined || version === VERSION);
}

/** The `temporal` program that tests start. @throws Error where DARKROOM_TEST_SERVER names a version that is not at hand */
export async function testProgram(config: Config): Promise<string> {
  if (VERSION === undefined) return ensureTemporalBinary(config, toStderr);
  const found = serversToTest().find(({ program }) => program !== undefined)?.program;
  if (found !== undefined) return found;
  throw new Error(`DARKROOM_TEST_SERVER=${VERSION}: there is no program of this version on this machine`);
}
