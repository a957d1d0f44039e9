/** When those who act on the causes of a fleet have nothing left to do before something new happens. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type ActingState, readActingState } from '../cli/acting/acting.ts';
import type { CliContext } from '../cli/command.ts';

/** Answers of the guards whose wait ends by itself with an event that wakes the planner. */
const PASSING: ReadonlySet<string> = new Set(['review-running', 'already-open', 'head-unread']);

/** No cascade runs, and each cause that is left has an answer that stands. */
export const isSettled = ({ causes, cascades }: Pick<ActingState, 'causes' | 'cascades'>): boolean =>
  cascades.length === 0 &&
  causes.every(({ state, answer }) => state === 'open' && answer !== undefined && !PASSING.has(answer.reason));

/** It did not come to rest in time; the message says what was still to be done. */
export class NotSettledError extends Error {
  override readonly name = 'NotSettledError';
}

const POLL_MS = 300;

/**
 * Waits until a fleet is settled, and shows each state on the way.
 * @throws NotSettledError after `limitMs`
 */
export async function untilSettled(
  context: Pick<CliContext, 'killSwitch' | 'causes' | 'cascades' | 'rollouts'>,
  limitMs: number,
  onState: (state: ActingState) => void | Promise<void> = () => {},
): Promise<ActingState> {
  for (const giveUpAtEpochMs = Date.now() + limitMs; ; await sleep(POLL_MS)) {
    const state = await readActingState(context);
    await onState(state);
    if (isSettled(state)) return state;
    if (Date.now() > giveUpAtEpochMs) throw new NotSettledError(`Not settled after ${limitMs} ms: ${left(state)}`);
  }
}

function left({ causes, cascades }: ActingState): string {
  const waiting = causes.filter((cause) => !isSettled({ causes: [cause], cascades: [] }));
  const causeLines = waiting.map(({ stream, state, answer }) => `${stream} ${state} ${answer?.reason ?? 'unanswered'}`);
  const nodes = cascades.flatMap((cascade) =>
    cascade.nodes.map(({ stream, state }) => `${cascade.cascadeId} ${cascade.state}: ${stream} ${state}`),
  );
  return [...causeLines, ...nodes].join('; ');
}
