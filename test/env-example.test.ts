import { readFileSync } from 'node:fs';
import path from 'node:path';
import { envExample } from '../common/config';
import { projectRoot } from '../common/paths';

test('.env.example is in step with the table of variables; `npm run docs:env` writes it', () => {
  expect(readFileSync(path.join(projectRoot(), '.env.example'), 'utf8')).toBe(envExample());
});
