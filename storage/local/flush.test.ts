import { mkdtemp, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { projectRoot } from '../../common/paths';
import { flush } from './flush';

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('a flush that takes long shows progress while the disk writes', async () => {
  // In the project's own folder, since /tmp may be in memory.
  const folder = await mkdtemp(path.join(projectRoot(), '.flush-test-'));
  const file = await open(path.join(folder, 'file'), 'w');
  try {
    let seen = 0;
    // As slow as it has to be, while the disk is really written to.
    const slow = async (): Promise<void> => {
      while (seen < 2) {
        await file.write(Buffer.alloc(100_000, 1));
        await file.sync();
      }
    };
    const handle = Object.create(file, {
      datasync: { value: slow },
      stat: { value: file.stat.bind(file) },
    }) as typeof file;
    await flush(handle, () => seen++);
    expect(seen).toBe(2);
  } finally {
    await file.close();
    await rm(folder, { recursive: true });
  }
});
