import { setTimeout as sleep } from 'node:timers/promises';
import type { ActingState } from '../../cli/acting/acting.ts';
import type { CliContext } from '../../cli/command.ts';
import { NotSettledError, untilSettled } from '../acting.ts';

const POLL_MS = 300;
/** Longer than Patchwave collects changes of the ledger before it publishes them. */
const QUIET_MS = 2_500;
/** A message that failed comes again after minutes. */
const QUIET_LIMIT_MS = 90_000;

export interface Settling {
  readonly context: Pick<CliContext, 'killSwitch' | 'causes' | 'cascades' | 'rollouts'>;
  readonly limitMs: number;
  readonly onState: (state: ActingState) => Promise<void>;
  /** Queues with messages that Patchwave has still to handle. */
  readonly underWay: () => Promise<readonly string[]>;
  readonly onWait: (queues: readonly string[]) => void;
  /** Whether images were built since the last time: their effects come later than the end of their cascade. */
  readonly hasNewImages: () => boolean;
}

/**
 * Waits until all work has ended, and what follows from it: the new image of a base may lead to another cascade.
 * @returns why it gave up, or `undefined`
 */
export async function settle(settling: Settling): Promise<string | undefined> {
  const { context, limitMs, onState } = settling;
  const giveUpAtMs = Date.now() + limitMs;
  try {
    for (;;) {
      await untilSettled(context, giveUpAtMs - Date.now(), onState);
      const queues = await untilQuiet(settling);
      const state = await untilSettled(context, 0, onState).catch(notYet);
      if (state)
        return queues.length > 0 ? `Messages in the queues ${queues.join(', ')} were not handled in time` : undefined;
    }
  } catch (error) {
    if (error instanceof NotSettledError) return error.message;
    throw error;
  }
}

function notYet(error: unknown): undefined {
  if (!(error instanceof NotSettledError)) throw error;
}

/** @returns the queues that still had messages when it gave up */
async function untilQuiet({ underWay, onWait, hasNewImages }: Settling): Promise<readonly string[]> {
  const lastsMs = hasNewImages() ? QUIET_MS : 0;
  const beganAtMs = Date.now();
  for (let quietSinceMs = beganAtMs; ; await sleep(POLL_MS)) {
    const queues = await underWay();
    onWait(queues);
    if (queues.length > 0) quietSinceMs = Date.now();
    else if (Date.now() - quietSinceMs >= lastsMs) return [];
    if (Date.now() - beganAtMs > QUIET_LIMIT_MS) return queues;
  }
}
