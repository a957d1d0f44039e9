import { paint } from '../../cli/output.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import type { Progress } from './progress.ts';

/** Lines that the story takes at most, beside those that say for what it waits. */
export const STORY_LINES = 40;
/** Lines kept free by a sentence that may be left out in a long story. */
const KEPT_FREE = { always: 0, outcome: 6, start: 14 } as const;
/** Sentences within it are told together. */
const TOGETHER_MS = 1_000;
/** Shorter than the 10 seconds that a reader waits for a line: the clock below ticks each second. */
const SILENT_MS = 8_000;
const TICK_MS = 500;
const INDENT = 8;
const MOST_NAMES = 6;

/** Something to tell once. Those of one group that are new together are told as one, with all their subjects. */
export interface Sentence {
  /** Sentences with the same key are told once. */
  readonly key: string;
  /** What they are about; absent for a sentence without a list of names. */
  readonly subject?: string;
  /** Those with the same one differ in their subject only. */
  readonly group: string;
  /** Whether a long story leaves it out: a start first, an outcome later. */
  readonly weight: keyof typeof KEPT_FREE;
  /** @param names all subjects, as a list @param isOne whether that is a single one */
  readonly tell: (names: string, isOne: boolean) => string;
}

/** What the demo tells as it happens: one sentence a line, each with the seconds since the start. */
export class Story {
  readonly #progress: Progress;
  readonly #startedAtMs = performance.now();
  readonly #told = new Set<string>();
  #untold: Sentence[] = [];
  #untoldSinceMs = 0;
  #lines = 0;
  #isHeld = false;
  #reserved = 0;
  #lastMs = performance.now();
  #waiting: (() => string) | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(progress: Progress) {
    this.#progress = progress;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Lines left for the sentences that may be left out. */
  get left(): number {
    return STORY_LINES - this.#lines - this.#reserved;
  }

  /** Keeps lines free for sentences that are told later in any case; 0: all of them were told. */
  reserve(lines: number): void {
    this.#reserved = lines;
  }

  /** Tells what is left, and ends the lines about waiting. */
  end(): void {
    this.release();
    this.#flush();
    clearInterval(this.#timer);
  }

  title(text: string, description?: string): void {
    this.#print(paint('bold', text), 0);
    if (description !== undefined) this.#print(`  ${description}`, 2);
  }

  /** Collects the news from now on, to tell them once what is under way has ended. */
  hold(): void {
    this.#flush();
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
  }

  /** A sentence that is always told. */
  say(text: string): void {
    this.#flush();
    this.#sayNow(text);
  }

  /** A sentence that begins a part of the story. */
  begin(text: string): void {
    this.say(paint('bold', text));
  }

  /** Tells what is new of it, together with what comes right after it. */
  news(sentences: readonly Sentence[]): void {
    const fresh = sentences.filter(({ key }) => !this.#told.has(key));
    for (const { key } of fresh) this.#told.add(key);
    if (this.#untold.length === 0) this.#untoldSinceMs = performance.now();
    this.#untold.push(...fresh);
    this.#flushIfDue();
  }

  #flushIfDue(): void {
    if (performance.now() - this.#untoldSinceMs >= TOGETHER_MS) this.#flush();
  }

  /** In a long story, leaves out what the result tells again. */
  #flush(): void {
    if (this.#isHeld) return;
    const groups = Map.groupBy(this.#untold, ({ group }) => group);
    this.#untold = [];
    for (const [first, ...others] of groups.values()) {
      if (!first || this.left <= KEPT_FREE[first.weight]) continue;
      const subjects = [...new Set([first, ...others].flatMap(({ subject }) => subject ?? []))].sort();
      this.#sayNow(first.tell(listOf(subjects), subjects.length === 1));
    }
  }

  /** Tells each text, as far as there is room. @returns how many were left out */
  list(title: string, texts: readonly string[]): number {
    this.#flush();
    const shown: string[] = [];
    let room = this.left - 1;
    for (const text of texts) {
      room -= this.#progress.wrapped(`        ${text}`, INDENT + 2).length;
      if (room < 0) break;
      shown.push(text);
    }
    if (shown.length > 0) this.begin(title);
    for (const text of shown) this.#print(`        ${text}`, INDENT + 2);
    return texts.length - shown.length;
  }

  /** What it waits for from now on, told whenever nothing else was for a while. */
  waitFor(what: () => string): void {
    this.#waiting = what;
  }

  #tick(): void {
    this.#flushIfDue();
    if (!this.#waiting || performance.now() - this.#lastMs < SILENT_MS) return;
    // It takes no line from the story.
    const before = this.#lines;
    this.#sayNow(`Still waits for ${this.#waiting()}`);
    this.#lines = before;
  }

  #sayNow(text: string): void {
    this.#print(`${this.#seconds()}  ${text}`, INDENT);
  }

  #seconds(): string {
    const seconds = Math.floor((performance.now() - this.#startedAtMs) / 1000);
    return paint('dim', `${String(seconds).padStart(4)} s`);
  }

  #print(text: string, indent: number): void {
    this.#lines += this.#progress.wrapped(text, indent).length;
    this.#progress.endBar();
    this.#progress.text(text, indent);
    this.#lastMs = performance.now();
  }
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listOf(names: readonly string[], most = MOST_NAMES): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), counted(names.length - most + 1, 'other')] : names;
  const last = shown.at(-1) ?? '';
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${last}` : last;
}
