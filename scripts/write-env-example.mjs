/** `npm run docs:env`: writes .env.example from the table in common/config. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { root } from './setup/shell.mjs';

const { envExample } = createRequire(import.meta.url)('../dist/common/config/index.js');
writeFileSync(path.join(root, '.env.example'), envExample());
