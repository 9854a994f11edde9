import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { projectRoot } from '../common/paths';
import { ensureSamples, samplePaths } from '../local/samples';
import { fileUri } from '../storage';
import { bareRecipe } from './bare-recipe';

const TOOLS = { ffmpeg: 'ffmpeg', ffprobe: 'ffprobe' };
const presets = path.join(projectRoot(), 'presets');
const folder = mkdtempSync(path.join(os.tmpdir(), 'bare-recipe-'));
const samples = [...samplePaths(folder, 11)];

beforeAll(() => ensureSamples({ folder, count: 11, ffmpeg: TOOLS.ffmpeg, lanes: 2, bases: 1 }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a clip becomes two MP4 files, a poster and a sprite', async () => {
  const recipe = await bareRecipe(presets, TOOLS);
  const output = path.join(folder, 'clip');
  await recipe({ kind: 'video', source: fileUri(samples[10]!) }, output);
  expect(readdirSync(output).sort()).toEqual(['360p.mp4', '720p.mp4', 'poster', 'sample', 'sprite-0']);
  expect(streamsOf(path.join(output, '720p.mp4'))).toEqual(['h264,1280,720', 'aac']);
  expect(streamsOf(path.join(output, '360p.mp4'))).toEqual(['h264,640,360', 'aac']);
  const poster = await sharp(path.join(output, 'poster')).metadata();
  expect([poster.format, poster.width, poster.height]).toEqual(['webp', 1280, 720]);
  const sprite = await sharp(path.join(output, 'sprite-0')).metadata();
  expect([sprite.format, sprite.width % 160, sprite.height]).toEqual(['jpeg', 0, 90]);
});

test('a photo becomes each rendition of the preset', async () => {
  const recipe = await bareRecipe(presets, TOOLS);
  const output = path.join(folder, 'photo');
  await recipe({ kind: 'image', source: fileUri(samples[0]!) }, output);
  expect(readdirSync(output).sort()).toEqual(['jpeg-1280.jpeg', 'webp-1280.webp', 'webp-1920.webp', 'webp-640.webp']);
});

test('a job may bring its own renditions', async () => {
  const recipe = await bareRecipe(presets, TOOLS);
  const output = path.join(folder, 'own');
  const preset = { image: { renditions: [{ name: 'small', format: 'webp', width: 100 }] } };
  await recipe({ kind: 'image', source: fileUri(samples[0]!), preset }, output);
  expect(readdirSync(output)).toEqual(['small.webp']);
  expect((await sharp(path.join(output, 'small.webp')).metadata()).width).toBe(100);
});

test('a preset that asks for other videos is refused, since the commands would no longer be the same work', async () => {
  const changed = path.join(folder, 'presets');
  cpSync(presets, changed, { recursive: true });
  const file = path.join(changed, 'web.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('maxrate: 800', 'maxrate: 900'));
  await expect(bareRecipe(changed, TOOLS)).rejects.toThrow('The video part of the preset "web" has changed');
});

function streamsOf(file: string): string[] {
  const args = ['-v', 'error', '-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0', file];
  return execFileSync(TOOLS.ffprobe, args, { encoding: 'utf8' }).trim().split('\n');
}
