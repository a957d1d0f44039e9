import { instant } from '../../shared/domain/common/time.ts';
import type { CliContext } from '../command.ts';
import { explained } from '../errors.ts';
import { printJson, printLine, printProgress, redraw } from '../output.ts';
import { endedFacts, type Facts, factsOf, newsOf } from './news.ts';
import { renderUnderWay } from './render-watch.ts';
import { readUnderWay, type UnderWay } from './under-way.ts';

export interface WatchOptions {
  /** `page`: drawn anew on a terminal; `lines`: what has changed; `json`: one object a line. */
  readonly form: 'page' | 'lines' | 'json';
  readonly everySeconds: number;
  /** Waits before the next read; returns early if the person ends the watch. */
  wait(ms: number): Promise<void>;
  isEnded(): boolean;
}

const SECOND_MS = 1000;
const LONGEST_SECONDS = 60;

/**
 * Prints what goes on until the person ends it. If a read fails, it prints why and tries again
 * after a growing, random pause; if the first one fails, it throws.
 */
export async function watch(context: CliContext, { form, everySeconds, wait, isEnded }: WatchOptions): Promise<void> {
  let before: Facts = new Map();
  let failures = 0;
  for (let isFirst = true; !isEnded(); isFirst = false) {
    const read = await readNext(context, form, before).catch((error: unknown) => {
      if (isFirst) throw error;
      failures += 1;
      printProgress(`This read failed, and is tried again: ${explained(error)}`);
      return undefined;
    });
    if (isEnded()) return;
    if (read) {
      failures = 0;
      show(read, before, form, everySeconds);
      before = read.facts;
      await wait(everySeconds * SECOND_MS);
    } else await wait(SECOND_MS * Math.min(LONGEST_SECONDS, everySeconds * failures) * (1 + Math.random()));
  }
}

interface Read {
  readonly state: UnderWay;
  readonly facts: Facts;
  /** What became of the cascades that are no longer open; only in the form of lines. */
  readonly ended: Facts;
}

async function readNext(context: CliContext, form: WatchOptions['form'], before: Facts): Promise<Read> {
  const state = await readUnderWay(context);
  const facts = factsOf(state);
  return { state, facts, ended: form === 'lines' ? await endsOf(context, before, facts) : new Map() };
}

function show({ state, facts, ended }: Read, before: Facts, form: WatchOptions['form'], everySeconds: number): void {
  if (form === 'json') printJson(state);
  else if (form === 'page') redraw(renderUnderWay(state, everySeconds));
  else {
    for (const line of newsOf(before, facts, ended)) printLine(`${instant(state.atEpochMs)} ${line}`);
    if (before.size === 0 && facts.size === 1) printLine(`${instant(state.atEpochMs)} nothing is under way`);
  }
}

const CASCADE = /^cascade (.+)$/;

/** What became of the cascades that were open before and no longer are. */
async function endsOf({ cascades }: CliContext, before: Facts, now: Facts): Promise<Facts> {
  const ended = new Map<string, string>();
  for (const name of before.keys()) {
    const [, cascadeId] = CASCADE.exec(name) ?? [];
    if (cascadeId === undefined || now.has(name)) continue;
    const cascade = await cascades.get(cascadeId);
    if (!cascade) continue;
    for (const [key, text] of endedFacts(cascade, await Array.fromAsync(cascades.nodes(cascadeId))))
      ended.set(key, text);
  }
  return ended;
}
