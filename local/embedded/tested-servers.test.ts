import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadConfig, type Config } from '../../common/config';
import { releaseFolder, toolsFolder } from './temporal-binary';
import { testedServers } from './tested-servers';

const path0 = process.env['PATH'];
let config: Config;

beforeEach(async () => {
  process.env['PATH'] = '';
  config = { ...loadConfig({}), cacheHome: await mkdtemp(path.join(os.tmpdir(), 'darkroom-cache-')) };
});

afterEach(async () => {
  process.env['PATH'] = path0;
  await rm(config.cacheHome!, { recursive: true, force: true });
});

async function program(folder: string, says: string): Promise<string> {
  const file = path.join(folder, 'temporal');
  await mkdir(folder, { recursive: true });
  await writeFile(file, `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
  return file;
}

test("a version's program is the embedded one where that is of this version, else the one that was fetched for it", async () => {
  const embedded = await program(toolsFolder(config), 'temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)');
  expect(testedServers(config)).toEqual([{ version: '1.29.1', program: embedded }, { version: '1.32.0' }]);
  const fetched = await program(releaseFolder(config, '1.32.0'), 'nobody asks');
  expect(testedServers(config)[1]).toEqual({ version: '1.32.0', program: fetched });
});

test('a newer server of this machine comes first; one that does not tell its version is left out', async () => {
  const embedded = await program(toolsFolder(config), 'temporal version 2.0.0 (Server 1.40.0)');
  const others = [{ version: '1.29.1' }, { version: '1.32.0' }];
  expect(testedServers(config)).toEqual([{ version: '1.40.0', program: embedded }, ...others]);
  await program(toolsFolder(config), 'temporal version 2.0.0');
  expect(testedServers(config)).toEqual(others);
});
