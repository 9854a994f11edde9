import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { projectRoot } from '../../common/paths';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'darkroom-secrets-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const at = (name: string) => path.join(folder, name);

function make(): Record<string, string> {
  const script = path.join(projectRoot(), 'scripts/make-secrets.mjs');
  execFileSync(process.execPath, [script, '--only-secrets', '--secrets', folder], { stdio: 'pipe' });
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(at(name), 'utf8')]));
}

test('passwords are made once, all different, for the owner of the folder alone', () => {
  const first = make();
  // Empty until somebody fills them in.
  const { alert_page_url: page, alert_ticket_url: ticket, ...made } = first;
  expect([page, ticket]).toEqual(['', '']);
  expect(new Set(Object.values(made)).size).toBe(Object.keys(made).length);
  expect(make()).toEqual(first);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test('the starter knows only the hash of the API key', () => {
  const { api_key: key = '', api_keys: keys = '' } = make();
  expect(keys).not.toContain(key);
  expect(keys.split(':').at(-1)).toBe(createHash('sha256').update(key).digest('hex'));
});
