import { paint } from '../../cli/output.ts';

const BAR_WIDTH = 30;
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

  /** A finished line, above the bar where there is one. */
  line(text = ''): void {
    if (this.bar === '') {
      this.stream.write(`${text}\n`);
      return;
    }
    this.stream.write(`${CLEAR_LINE}${text}\n${this.bar}`);
  }

  heading(text: string): void {
    this.endBar();
    this.stream.write(`\n${paint('bold', text)}\n`);
  }

  /** Moves the bar; off a terminal a line for every quarter is enough. */
  move(what: string, done: number, total: number): void {
    if (total === 0) return;
    const percent = Math.floor((100 * done) / total);
    if (percent === this.lastPercent) return;
    if (this.stream.isTTY) {
      const filled = Math.round((BAR_WIDTH * done) / total);
      this.bar = `  ${what.padEnd(12)} ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${done}/${total}`;
      this.stream.write(`${CLEAR_LINE}${this.bar}`);
    } else if (Math.floor(percent / 25) > Math.floor(this.lastPercent / 25)) {
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
