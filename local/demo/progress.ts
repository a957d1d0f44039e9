import { paint, shown, wrapped } from '../../cli/output.ts';

const BAR_WIDTH = 30;
/** Steps with at least this many items report each quarter. */
const MANY = 100;
/** Width where the output is no terminal, or a terminal that tells none. */
const USUAL_COLUMNS = 100;
const CLEAR_LINE = '\r\u001b[2K';

/** Where lines go: standard output, standard error, or nowhere. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const NOWHERE: Output = { write: () => true };

/**
 * The output while the demo runs: a bar on a terminal, plain lines elsewhere.
 * With `--json` it goes to standard error, so that standard output is one document.
 */
export class Progress {
  private readonly stream: Output;
  private bar = '';
  private lastPercent = -1;

  constructor(stream: Output) {
    this.stream = stream;
  }

  /** Takes what the others take, and prints nothing. */
  static silent(): Progress {
    return new Progress(NOWHERE);
  }

  /** Prints a line, above the bar if there is one. Line breaks in the text are shown as `\\n`. */
  line(text = ''): void {
    const line = shown(text).replaceAll('\n', '\\n');
    this.stream.write(this.bar === '' ? `${line}\n` : `${CLEAR_LINE}${line}\n${this.bar}`);
  }

  /** Prints a text wrapped at the width of the terminal; all lines but the first are indented. */
  text(text: string, indent: number): void {
    for (const line of this.wrapped(text, indent)) this.line(line);
  }

  heading(text: string): void {
    this.endBar();
    this.line();
    for (const line of this.wrapped(text, 0)) this.line(paint('bold', line));
  }

  /** The lines of a text at the width of the terminal; all but the first are indented. */
  wrapped(text: string, indent: number): readonly string[] {
    return wrapped(text, this.stream.columns || USUAL_COLUMNS, indent);
  }

  /** Moves the bar. Without a terminal it prints the end, and each quarter of many items. */
  move(what: string, done: number, total: number): void {
    if (total === 0) return;
    const percent = Math.floor((100 * done) / total);
    if (percent === this.lastPercent) return;
    if (this.stream.isTTY) {
      const filled = Math.round((BAR_WIDTH * done) / total);
      this.bar = `  ${what.padEnd(12)} ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${done}/${total}`;
      this.stream.write(`${CLEAR_LINE}${this.bar}`);
    } else if (done === total || (total >= MANY && Math.floor(percent / 25) > Math.floor(this.lastPercent / 25))) {
      this.stream.write(`  ${what} ${done}/${total}\n`);
    }
    this.lastPercent = percent;
  }

  /** Keeps the finished bar and begins a new line. */
  endBar(): void {
    if (this.bar !== '') this.stream.write('\n');
    this.bar = '';
    this.lastPercent = -1;
  }
}
