/** `rollout` in the image: what the chart's hook runs after an upgrade with `versioning.enabled`. */
import { Command } from 'commander';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { loadConfig } from '../../common/config';
import { duration } from '../../common/config/parse';
import { POOLS, STANDARD_POOLS, taskQueue } from '../../common/pools';
import { connect, createClient } from '../../temporal/connect';
import { EXIT, runCommand } from '../../starter/cli/ui/command';
import { rootMessage } from '../../temporal/grpc';
import { UsageError } from '../../starter/inputs';
import { replayRecent } from './replay';
import { createStorage } from '../../storage';
import { probeBuild, sampleItems } from './probe';
import { rollOut, RolledBack } from './roll-out';
import { ACCOUNT, sweep } from './sweep';
import { WorkerVersions } from './versions';

interface Flags {
  ramp: string;
  items: string;
  window: string;
  tolerated: string;
  replay: string;
  ready: string;
  drain: string;
  staging?: string;
  kubernetes?: string;
  namespace: string;
  release: string;
  account: string;
}

function parse(argv: string[]): Flags {
  return new Command('rollout')
    .description('Makes the build of DARKROOM_BUILD_ID current by steps; takes it back when its first results are bad.')
    .option('--ramp <shares>', 'shares of new items before all of them, %, comma-separated', '10,50')
    .option('--items <n>', 'results that each step waits for', '20')
    .option('--window <duration>', 'that a step waits at most', '2m')
    .option('--tolerated <percent>', 'bad results that are tolerated, %', '10')
    .option('--replay <n>', 'recent histories that are replayed first', '20')
    .option(
      '--staging <uri>',
      'prefix that the workers can read and write, for the samples that the build is tried with',
    )
    .option('--ready <duration>', 'until workers of the build serve every queue and have processed the samples', '5m')
    .option('--drain <duration>', 'that the build before may take to end its items', '5m')
    .option('--kubernetes <url>', 'API server, to take away what served drained builds')
    .option('--namespace <name>', 'where those are', 'default')
    .option('--release <name>', 'whose they are', 'workers')
    .option('--account <folder>', 'with the token for the API server', ACCOUNT)
    .parse(argv)
    .opts<Flags>();
}

async function main(signal: AbortSignal): Promise<number> {
  const flags = parse(process.argv);
  const config = loadConfig();
  if (config.buildId === undefined) throw new UsageError('Say which build: DARKROOM_BUILD_ID.');
  const { staging, kubernetes: url, namespace, release, account } = flags;
  if (staging === undefined) throw new UsageError('Say where samples may lie: --staging s3://bucket/prefix.');
  const { queuePrefix, deploymentName, buildId } = config;
  // What the SDK says of a replay is of sinks that nobody serves here; what went wrong is in the results.
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const connection = await connect(config);
  const storage = createStorage(config);
  try {
    const client = createClient(connection, config);
    const versions = new WorkerVersions(client, deploymentName);
    const options = {
      buildId,
      ramps: flags.ramp.split(',').filter(Boolean).map(Number),
      items: Number(flags.items),
      windowMs: duration(flags.window),
      tolerated: Number(flags.tolerated) / 100,
      queues: STANDARD_POOLS.map((pool) => {
        const type = POOLS[pool].carries === 'workflows' ? 'workflow' : 'activity';
        return `${taskQueue(queuePrefix, pool)}/${type}`;
      }),
      readyMs: duration(flags.ready),
      drainMs: duration(flags.drain),
    };
    const replay = async (): Promise<void> =>
      say(`${await replayRecent(client, config, Number(flags.replay))} recent histories replay on ${buildId}`);
    const probe = async (until: AbortSignal): Promise<void> => {
      const items = await sampleItems({ config, storage, staging, buildId, signal: until });
      await probeBuild({ client, storage, queuePrefix, pinnedTo: { deploymentName, buildId } }, items, until);
      say(`${items.length} samples were processed by ${buildId}`);
    };
    const takeAway = async (which: (build: string) => Promise<boolean>): Promise<void> => {
      if (url === undefined) return;
      // What became of the build is settled, whatever is left of its workers or of those before.
      const gone = await sweep({ url, namespace, release, account }, which).catch((error: unknown) => {
        say(`Workers of builds could not be taken away; the next rollout tries again: ${rootMessage(error)}`);
        return [];
      });
      for (const build of gone) say(`the workers of ${build} are gone`);
    };
    try {
      await rollOut(options, { client, versions, replay, probe, say, signal });
    } catch (error) {
      if (!(error instanceof RolledBack)) throw error;
      process.stderr.write(`${error.message}\n`);
      // Its open items have moved to the build before; Helm would keep its pods for ever.
      await takeAway((build) => Promise.resolve(build === buildId));
      return EXIT.failed;
    }
    await takeAway(async (build) => build !== buildId && (await versions.isDrained(build)));
    return EXIT.ok;
  } finally {
    storage.close();
    await connection.close();
  }
}

runCommand(main);
