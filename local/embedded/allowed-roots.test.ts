import { mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadConfig, type Config } from '../../common/config';
import { allowRoots } from './allowed-roots';

let home: string;
let config: Config;

beforeEach(async () => {
  home = await realpath(await mkdtemp(path.join(os.tmpdir(), 'darkroom-home-')));
  config = { ...loadConfig({}), home, allowedRoots: ['/already'] };
});

afterEach(() => rm(home, { recursive: true, force: true }));

const written = () => readFile(path.join(home, 'allowed-roots'), 'utf8');

test('adds each folder once, and leaves out what lies in an allowed one', async () => {
  await allowRoots(config, ['/photos', '/photos/2026', '/already/there', '/photos-of-others']);
  await allowRoots(config, ['/photos', '/new']);
  expect(await written()).toBe('/photos\n/photos-of-others\n/new\n');
});

test('stores what a link leads to', async () => {
  await mkdir(path.join(home, 'real'));
  await symlink(path.join(home, 'real'), path.join(home, 'link'));
  await allowRoots(config, [path.join(home, 'link')]);
  expect(await written()).toBe(`${home}/real\n`);
});
