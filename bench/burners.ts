import { spawn } from 'node:child_process';

/** Processes that do nothing but take CPU, each one core's worth. They end with this process, however it ends. */
export function startBurners(count: number): { stop(): void } {
  const burn =
    'process.on("disconnect", () => process.exit()); (function on() { const end = Date.now() + 50; while (Date.now() < end); setImmediate(on); })()';
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', burn], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
  );
  return {
    stop() {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}
