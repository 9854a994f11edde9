import { Command } from 'commander';

/** Exit code for wrong arguments, as of every command. */
const USAGE = 2;

/**
 * For a program that takes no arguments: `--help` prints what the program does and ends it, anything else is refused. Call
 * it first, so that a typing mistake starts and stops nothing.
 */
export function takesNoArguments(name: string, description: string, argv: readonly string[] = process.argv): void {
  new Command(name)
    .usage('')
    .description(description)
    .allowExcessArguments(false)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : USAGE))
    .parse(argv);
}
