/**
 * `npm run client:types`: writes client/types.ts from the OpenAPI document of the API as it is built in dist/.
 *
 *   node scripts/write-client-types.mjs [--check]     --check writes nothing and fails where the file is not up to date
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { fail, root } from './setup/shell.mjs';

const require = createRequire(import.meta.url);
const { loadConfig } = require('../dist/common/config/index.js');
const { createLogger } = require('../dist/common/logger.js');
const { ApiKeys } = require('../dist/starter/server/guard/auth.js');
const { createApp } = require('../dist/starter/server/app.js');
const { createService } = require('../dist/starter/server/service.js');

/** The document, from a server that listens nowhere and connects to nothing. */
async function openApiDocument() {
  const config = loadConfig({ ...process.env, LOG_LEVEL: 'error' });
  const service = createService(
    config,
    new ApiKeys(config),
    createLogger(config, 'starter'),
    AbortSignal.timeout(60_000),
  );
  const app = await createApp(service);
  await app.ready();
  return app.swagger();
}

/** A JSON schema as a type. */
function typeOf(schema) {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const anyOf = schema.anyOf ?? schema.oneOf;
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' | ');
  switch (schema.type) {
    case 'object':
      return objectType(schema);
    case 'array':
      return `(${typeOf(schema.items ?? {})})[]`;
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    default:
      return 'unknown';
  }
}

function objectType({ properties, required = [], additionalProperties }) {
  if (properties === undefined) return `Record<string, ${typeOf(additionalProperties || {})}>`;
  const fields = Object.entries(properties).map(([name, field]) => {
    const comment = field.description === undefined ? '' : `/** ${field.description.replaceAll('*/', '*\\/')} */\n`;
    return `${comment}${JSON.stringify(name)}${required.includes(name) ? '' : '?'}: ${typeOf(field)};`;
  });
  // Where more fields may come, they are there to be read.
  if (typeof additionalProperties === 'object') fields.push('[more: string]: unknown;');
  return `{\n${fields.join('\n')}\n}`;
}

const { components } = await openApiDocument();
const types = Object.entries(components.schemas)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, schema]) => `export type ${name} = ${typeOf(schema)};`);
const file = path.join(root, 'client', 'types.ts');
const head = '/** Shapes of the API. Made from its OpenAPI document by `npm run client:types`. */\n\n';
const text = await format(head + types.join('\n\n'), { ...(await resolveConfig(file)), parser: 'typescript' });
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) fail('client/types.ts is not up to date: npm run client:types');
process.exit(0);
