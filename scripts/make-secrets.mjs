#!/usr/bin/env node
/**
 * `make setup`: what docker-compose.yml needs and no repository may hold. Passwords as files, one each, made once and then
 * left alone; and .env with the digests of the images.
 *
 *   node scripts/make-secrets.mjs           both
 *   node scripts/make-secrets.mjs --only-secrets
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pinImages } from './setup/pin-images.mjs';
import { root, say } from './setup/shell.mjs';

const { values } = parseArgs({
  options: {
    'only-secrets': { type: 'boolean', default: false },
    secrets: { type: 'string', default: path.join(root, 'deploy/compose/secrets') },
    env: { type: 'string', default: path.join(root, '.env') },
  },
});

/** Letters and digits only: safe in URLs, YAML and shells. 192 bits. */
const random = () => randomBytes(24).toString('hex');

/** Made once; a second run changes no password of a database that exists. */
function secret(name, make = random) {
  const file = path.join(values.secrets, name);
  if (!existsSync(file)) {
    writeFileSync(file, make());
    say(`made ${path.relative(root, file)}`);
  }
  // Containers read these as users of their own, so the files are open and the folder is not.
  chmodSync(file, 0o444);
  return readFileSync(file, 'utf8').trim();
}

mkdirSync(values.secrets, { recursive: true });
chmodSync(values.secrets, 0o700);
secret('postgres_password');
secret('s3_access_key');
secret('s3_secret_key');
// Encryption is switched on by a person: a key that is lost takes the histories along. docs/operations/encryption.md
secret('payload_keys', () => '');
secret('grafana_admin_password');
const redis = secret('redis_password');
secret('redis_url', () => `redis://:${redis}@redis:6379`);
secret('aws_credentials', () => `[default]\naws_access_key_id = ${random()}\naws_secret_access_key = ${random()}\n`);
secret('session_secret');
// Webhooks that Alertmanager calls: empty until somebody writes one.
for (const name of ['alert_page_url', 'alert_ticket_url']) {
  secret(name, () => '');
  chmodSync(path.join(values.secrets, name), 0o644);
}
const key = secret('api_key');
// What the starter knows: name, tenant, jobs a minute, and of the key only its hash.
secret('api_keys', () => `operator:default:6000:operator:${createHash('sha256').update(key).digest('hex')}`);

if (!values['only-secrets']) pinImages(path.join(root, 'deploy/compose/images.env.example'), values.env);
