import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { VARIABLES } from './variables';
import type { Variable } from './variable';

/** Where cloud SDKs and Kubernetes put credentials. */
const OF_SDKS = [
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
];
const USUAL = [path.join(os.homedir(), '.aws', 'credentials'), '/var/run/secrets/kubernetes.io/serviceaccount/token'];

/** The files on this machine that hold secrets of this process. */
export function secretFiles(env: Record<string, string | undefined> = process.env): string[] {
  const variables: Variable<unknown>[] = Object.values(VARIABLES);
  const names = [...variables.filter(({ secret }) => secret).map((variable) => `${variable.env}_FILE`), ...OF_SDKS];
  const files = [...names.map((name) => env[name] ?? ''), ...USUAL];
  return [...new Set(files)].filter((file) => file !== '' && existsSync(file));
}
