/** Run as `node tools.js`: makes sure of the programs that the tests need; `scripts/setup.mjs --tools` does. */
import { loadConfig } from '../../common/config';
import { ensureFfmpeg } from './ffmpeg';
import { messageOf, toStderr } from './report';
import { ensureTemporalBinary } from './temporal-binary';

async function main(): Promise<void> {
  const config = loadConfig();
  await ensureFfmpeg(config, toStderr);
  await ensureTemporalBinary(config, toStderr);
}

main().catch((error: unknown) => {
  toStderr(messageOf(error));
  process.exitCode = 1;
});
