import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { unknownVariables } from './unknown';
import type { Variable } from './variable';
import { VARIABLES } from './variables';

type Parsed<V> = V extends Variable<infer T> ? T : never;

/** Every setting, parsed. Durations in ms, sizes in bytes. */
export type Config = { [K in keyof typeof VARIABLES]: Parsed<(typeof VARIABLES)[K]> };

export type Env = Record<string, string | undefined>;

/** All bad variables in one message, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: string[]) {
    super(`Bad configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** The text of a variable: itself, or for a secret the content of the file that `<env>_FILE` names. Empty is not set. */
function rawText(variable: Variable<unknown>, env: Env): string | undefined {
  const direct = env[variable.env];
  if (direct !== undefined && direct !== '') return direct;
  const file = variable.secret ? env[`${variable.env}_FILE`] : undefined;
  if (file === undefined || file === '') return variable.fallback;
  try {
    return readFileSync(file, 'utf8').trim() || variable.fallback;
  } catch {
    throw new Error(`${variable.env}_FILE names a file that cannot be read: ${file}`);
  }
}

/**
 * Reads the whole configuration. This is the only module that reads the environment.
 * @throws ConfigError that names every bad or misspelt variable at once; a secret's value is never in it.
 */
export function loadConfig(env: Env = process.env): Config {
  const problems = unknownVariables(env, variableNames());
  const config: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries(VARIABLES) as [string, Variable<unknown>][]) {
    try {
      const value = rawText(variable, env);
      config[key] = value === undefined ? undefined : variable.parse(value);
    } catch (error) {
      // What a secret's own check says quotes nothing of it.
      const reason = error instanceof Error ? error.message : String(error);
      problems.push(`${variable.env}: ${reason}`);
    }
  }
  const result = derived(config as Config);
  if (problems.length === 0) problems.push(...contradictions(result));
  if (problems.length > 0) throw new ConfigError(problems);
  return result;
}

/** Every name that is read: those of the table, and for secrets the one that names a file. */
export function variableNames(): string[] {
  const variables: Variable<unknown>[] = Object.values(VARIABLES);
  return variables.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]));
}

/** Defaults that follow from other settings. Harmless while there are problems: those are reported first. */
function derived(config: Config): Config {
  return {
    ...config,
    allowedRoots: config.allowedRoots?.length > 0 ? config.allowedRoots : defaultRoots(config),
    scratchDir: config.scratchDir || path.join(config.home ?? '', 'scratch'),
  };
}

/** With keys, callers are strangers: database, logs and scratch in the same folder are none of their business. */
function defaultRoots({ home, apiKeys, outputDefault, uploads }: Config): string[] {
  if (apiKeys === undefined) return [home];
  return [outputDefault ?? pathToFileURL(path.join(home, 'outputs')).href, uploads].flatMap(folderOf);
}

/** The folder of a `file:` URI; none for another one. */
function folderOf(uri: string | undefined): string[] {
  try {
    return uri !== undefined && /^file:/i.test(uri) ? [fileURLToPath(uri)] : [];
  } catch {
    return [];
  }
}

function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.shutdownForce <= config.shutdownGrace) {
    problems.push('DARKROOM_SHUTDOWN_FORCE: must be longer than DARKROOM_SHUTDOWN_GRACE');
  }
  if ((config.s3AccessKeyId === undefined) !== (config.s3SecretAccessKey === undefined)) {
    problems.push('S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY: set both or none');
  }
  const { outputDefault, uploads } = config;
  if (
    outputDefault !== undefined &&
    uploads !== undefined &&
    `${outputDefault}/`.startsWith(uploads.replace(/\/*$/, '/'))
  ) {
    problems.push('DARKROOM_UPLOADS: outputs must not lie among uploads; name a folder that DARKROOM_OUTPUT is not in');
  }
  if (config.jobSource === 'redis' && config.redisUrl === undefined) {
    problems.push('DARKROOM_REDIS_URL: needed with DARKROOM_JOB_SOURCE=redis');
  }
  if (config.jobSource === 'sqs' && (config.sqsUrl === undefined || config.sqsDeadUrl === undefined)) {
    problems.push('DARKROOM_SQS_URL and DARKROOM_SQS_DEAD_URL: needed with DARKROOM_JOB_SOURCE=sqs');
  }
  return problems;
}

/** Values that must never be printed, longest first, for the logger's and the commands' redaction. */
export function secretValues(config: Config): string[] {
  const values = (Object.entries(VARIABLES) as [keyof Config, Variable<unknown>][]).flatMap(([key, variable]) => {
    const value = config[key];
    return variable.secret && typeof value === 'string' ? [value, ...(variable.parts?.(value) ?? [])] : [];
  });
  return [...new Set(values)].sort((a, b) => b.length - a.length);
}

/** The text of `.env.example`, made from the table; a test keeps the file in step. */
export function envExample(): string {
  const lines = ['# Every variable of Darkroom with its default. Made by `npm run docs:env`; do not edit by hand.', ''];
  for (const variable of Object.values(VARIABLES) as Variable<unknown>[]) {
    lines.push(`# ${variable.meaning}${variable.secret ? ` (secret; ${variable.env}_FILE may name a file)` : ''}`);
    const fallback = (variable.fallback ?? '').replaceAll(process.cwd(), '.');
    lines.push(`#${variable.env}=${fallback}`, '');
  }
  return lines.join('\n');
}
