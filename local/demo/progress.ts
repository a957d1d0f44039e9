import { paint, shown, wrapped } from '../../cli/output.ts';

const BAR_WIDTH = 30;
/** So many take a while. */
const MANY = 100;
/** Off a terminal nobody knows how wide it is shown. */
const USUAL_COLUMNS = 100;
const CLEAR_LINE = '\r\u001b[2K';

/**
 * What a person sees while work goes on: a bar that redraws itself on a terminal, plain lines elsewhere.
 * With `--json` all of it goes to standard error, so that standard output stays one document.
 */
export class Progress {
  private readonly stream: NodeJS.WriteStream;
  private bar = '';
  private lastPercent = -1;

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream;
  }

  /** A finished line, above the bar where there is one. Ends of lines that others put into it are no ends. */
  line(text = ''): void {
    const line = shown(text).replaceAll('\n', '\\n');
    this.stream.write(this.bar === '' ? `${line}\n` : `${CLEAR_LINE}${line}\n${this.bar}`);
  }

  /** Lines between which the terminal may break a text; all but the first are indented. */
  text(text: string, indent: number): void {
    for (const line of this.#wrapped(text, indent)) this.line(line);
  }

  heading(text: string): void {
    this.endBar();
    this.line();
    for (const line of this.#wrapped(text, 0)) this.line(paint('bold', line));
  }

  #wrapped(text: string, indent: number): readonly string[] {
    return wrapped(text, this.stream.columns ?? USUAL_COLUMNS, indent);
  }

  /** Moves the bar; off a terminal a line for the end is enough, and of many for every quarter. */
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

  /** Leaves the finished bar standing and begins a new line. */
  endBar(): void {
    if (this.bar !== '') this.stream.write('\n');
    this.bar = '';
    this.lastPercent = -1;
  }
}
