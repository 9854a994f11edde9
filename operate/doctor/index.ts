import { loadConfig, type Env } from '../../common/config';
import { configuredAddress, connect } from '../../temporal/connect';
import { accepts } from '../../local/embedded/probe';
import { machineChecks } from './machine';
import { serviceChecks } from './services';
import { toolChecks } from './tools';
import { broken, type Check, type Context, type Finding, type Result } from './types';

/** Every check in the order of the report. A new one is one more entry in one of these lists. */
export const CHECKS: Check[] = [...machineChecks, ...toolChecks, ...serviceChecks];

/** Looks at everything that Darkroom needs, starts nothing and changes nothing. */
export async function diagnose(env?: Env): Promise<Result[]> {
  let config;
  try {
    config = loadConfig(env);
  } catch (error) {
    // Nothing else can be judged before the configuration can be read.
    return [{ name: 'configuration', ...broken(reasonOf(error), 'See .env.example for every variable') }];
  }
  const configured = configuredAddress(config);
  const address = configured ?? `127.0.0.1:${config.embeddedPort}`;
  // A closed port of this machine need not be waited for; a configured address may lie behind a proxy.
  const worthTrying = configured !== undefined || (await accepts(address));
  const target = { ...config, temporalAddress: address };
  const connection = worthTrying ? await connect(target).catch(() => undefined) : undefined;
  const context: Context = { config, address, configured: configured !== undefined, connection };
  try {
    const results: Result[] = [{ name: 'configuration', state: 'ok', detail: 'readable' }];
    for (const check of CHECKS) results.push({ name: check.name, ...(await examine(check, context)) });
    return results;
  } finally {
    await connection?.close();
  }
}

async function examine(check: Check, context: Context): Promise<Finding> {
  try {
    return await check.run(context);
  } catch (error) {
    return broken(reasonOf(error), 'See the message');
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True when nothing that is needed is missing or broken. */
export function healthy(results: Result[]): boolean {
  return results.every(({ state }) => state === 'ok' || state === 'optional');
}

const SIGNS: Record<Result['state'], string> = {
  ok: 'ok      ',
  missing: 'MISSING ',
  broken: 'BROKEN  ',
  optional: '-       ',
};

/** The report for a terminal. */
export function format(results: Result[]): string {
  const width = Math.max(...results.map(({ name }) => name.length));
  return results
    .map(({ name, state, detail, mend }) => {
      const line = `${SIGNS[state]} ${name.padEnd(width)}  ${detail}`;
      return mend === undefined ? line : `${line}\n${' '.repeat(width + 11)}→ ${mend}`;
    })
    .join('\n');
}
