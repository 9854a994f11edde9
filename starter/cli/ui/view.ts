import { progressLine, progressText, type Progress } from './progress-line';
import { printableText } from './format';

/** ms between two lines where nothing can be redrawn. */
const PLAIN_EVERY_MS = 5_000;

/** What a command shows while it works, all on stderr: stdout is for the result. */
export interface View {
  note(line: string): void;
  progress(progress: Progress): void;
  /** A step of the set-up that takes its time. */
  step(name: string, done: number, total: number): void;
  /** Nothing more will be redrawn. */
  end(): void;
}

/** What of a stream the views need. */
export interface Out {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export function createView(json: boolean, out: Out = process.stderr): View {
  if (json) return new JsonView(out);
  return out.isTTY ? new TerminalView(out) : new PlainView(out);
}

/** One JSON object a line, for programs. */
class JsonView implements View {
  private lastStep = 0;

  constructor(private readonly out: Out) {}

  note(message: string): void {
    this.write({ type: 'note', message });
  }

  progress(progress: Progress): void {
    this.write({ type: 'progress', ...progress });
  }

  step(name: string, done: number, total: number): void {
    if (done < total && Date.now() - this.lastStep < 1000) return;
    this.lastStep = Date.now();
    this.write({ type: 'step', name, done, total });
  }

  end(): void {}

  private write(value: object): void {
    this.out.write(`${JSON.stringify(value)}\n`);
  }
}

/** A line every few seconds, for logs. */
class PlainView implements View {
  private last = 0;

  constructor(private readonly out: Out) {}

  note(line: string): void {
    this.out.write(`${printableText(line)}\n`);
  }

  progress(progress: Progress): void {
    if (this.isDue()) this.note(progressText(progress));
  }

  step(name: string, done: number, total: number): void {
    if (done === total || this.isDue()) this.note(`${name}: ${done} of ${total}`);
  }

  end(): void {}

  private isDue(): boolean {
    if (Date.now() - this.last < PLAIN_EVERY_MS) return false;
    this.last = Date.now();
    return true;
  }
}

/** One line that is drawn again and again, with the notes above it. */
class TerminalView implements View {
  private line = '';

  constructor(private readonly out: Out) {}

  note(line: string): void {
    this.out.write(`\r\x1b[K${printableText(line)}\n${this.line}`);
  }

  progress(progress: Progress): void {
    this.draw(progressLine(progress, this.out.columns ?? 80));
  }

  step(name: string, done: number, total: number): void {
    this.draw(`${name}: ${done} of ${total}`);
    if (done === total) this.end();
  }

  end(): void {
    if (this.line !== '') this.out.write('\n');
    this.line = '';
  }

  private draw(line: string): void {
    this.line = line;
    this.out.write(`\r\x1b[K${line}`);
  }
}
