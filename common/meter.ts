import { AsyncLocalStorage } from 'node:async_hooks';
import path from 'node:path';
import type { CommandFacts } from './receipts';
import type { Usage } from './child-cpu';

/** Collects the commands of one attempt, whichever part of media/ starts them. */
export class Meter {
  readonly commands: CommandFacts[] = [];
  /** Longest first, so that a folder does not hide a file within it. */
  private readonly names: [place: string, name: string][] = [];

  /** Commands show `name` in the place of this path. */
  call(place: string, name: string): void {
    this.names.push([place, name]);
    this.names.sort(([a], [b]) => b.length - a.length);
  }

  /** Everything that `work` starts counts here. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return current.run(this, work);
  }

  add(argv: readonly string[], usage: Usage): void {
    this.commands.push({ argv: argv.map((word) => this.withoutPaths(word)), ...usage });
  }

  /** No path of a worker's disk is left: those that have no name are `{path}`. */
  private withoutPaths(word: string): string {
    const named = this.names.reduce((text, [place, name]) => text.replaceAll(place, name), word);
    return named.replace(/(^|[=:,'"\s])\/[^:,'"\s]*/g, '$1{path}');
  }
}

const current = new AsyncLocalStorage<Meter>();

/**
 * Notes what a child process used with the attempt that it worked for, if any.
 * @param program path or name; its last part is shown
 */
export function noteCommand(program: string, args: readonly string[], usage: Usage): void {
  current.getStore()?.add([path.basename(program), ...args], usage);
}
