import { outputName, workFolder, writtenBy } from './names';

const runId = '0193c0de-0000-7000-8000-0123456789ab';
const name = outputName('small', { runId, activityId: '1', attempt: 1 }, 'ab'.repeat(32));
const run = /-([0-9a-f]{8})[0-9a-f]{4}-/.exec(name)?.[1];

test.each([
  [`/out/item/${name}.webp`, `${name}.webp`],
  [`/out/item/${name}/720p/init.mp4`, `${name}/720p/init.mp4`],
  [`/out/item/.${name}.webp.0123456789ab.part`, `.${name}.webp.0123456789ab.part`],
  [`/out/item/${workFolder(runId)}/a/b.mp4`, `${workFolder(runId)}/a/b.mp4`],
  [`/out/${name}/${name}.webp`, `${name}.webp`],
])('%s was written by the run', (path, inside) => {
  expect(writtenBy(path)).toMatchObject({ run, path: inside, isIntermediate: path.includes('.work') });
});

test.each([
  '/out/item/manifest.json',
  `/out/${name}/manifest.json`,
  `/out/${name}/.manifest.json.lock`,
  '/out/item/quarantine.json',
  '/out/item/notes.txt',
  `/out/${name}-0123456789ab/notes.txt`,
  '/out/item/.work/notes/a.txt',
])('%s is no file of a run', (path) => {
  expect(writtenBy(path)).toBeUndefined();
});
