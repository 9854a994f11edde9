/**
 * Run as `node tools.js [--tests]`: makes sure of the programs that the tests need and, with --tests, of the other Temporal
 * servers and the models; `scripts/setup.mjs` does with --tools and --tests.
 */
import { loadConfig } from '../../common/config';
import { ensureFfmpeg } from './ffmpeg';
import { ensureModels } from './models';
import { messageOf, toStderr } from './report';
import { ensureTemporalBinary } from './temporal-binary';
import { ensureTestedServers } from './tested-servers';

async function main(): Promise<void> {
  const config = loadConfig();
  await ensureFfmpeg(config, toStderr);
  await ensureTemporalBinary(config, toStderr);
  if (!process.argv.includes('--tests')) return;
  await ensureTestedServers(config, toStderr);
  installModels();
}

/** Where the models cannot be had, the tests that need them are skipped and say so. */
function installModels(): void {
  try {
    ensureModels();
  } catch (error) {
    toStderr(messageOf(error));
  }
}

main().catch((error: unknown) => {
  toStderr(messageOf(error));
  process.exitCode = 1;
});
