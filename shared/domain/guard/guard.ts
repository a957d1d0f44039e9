import type { CauseFact } from '../cause/cause.ts';
import type { NodeAnswer } from '../cause/node-answer.ts';
import type { BrokenOff, BuildState, RebuildHistory, StreamLock } from '../cause/rebuild.ts';
import { countedInARow } from '../common/counted.ts';
import { DAY_MS, instant, MINUTE_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import type { GuardSettings } from '../policy/guard-settings.ts';
import { isSwitchUnreadable, type KillSwitch } from '../policy/kill-switch.ts';
import type { Pipeline } from '../policy/pipeline.ts';
import type { Mode } from '../policy/policy.ts';
import { capReached, type NegativeDecision, refuse, tooDeep, WAITING_APPROVAL, wait } from './guard-answer.ts';
import { type DroppedFact, dropUnfixable, refusal } from './guard-facts.ts';
import { resumedBy } from './unscanned-candidate.ts';

/** Possible obstacles for both rebuild and rollout. */
export interface StartInputs {
  readonly stream: string;
  /** The strictest mode that the policy sets for the stream. */
  readonly mode: Mode;
  /** An unreadable ledger item of the stream, with the problem. */
  readonly unreadable?: string;
  /** The unreadable item is the lock of the stream. */
  readonly isLockUnreadable?: true;
  /** `false` if no rule of the policy names the stream now. */
  readonly isNamed?: boolean;
  readonly killSwitch: KillSwitch;
  /** The cascade that asks; absent for the planner. Its own locks are no obstacle. */
  readonly cascadeId?: string;
  /** An open cascade of which the stream is a node. */
  readonly openCascadeId?: string;
  /** The stream's lock, unless it is stale. */
  readonly lock?: StreamLock;
  /** The state of the lock's build, from the runner. */
  readonly lockBuild?: BuildState;
}

/** The input of the guards. */
export interface GuardInputs extends StartInputs {
  /** What the rebuild is for: facts that a head of the stream has, and manual requests. */
  readonly facts: readonly CauseFact[];
  /** Why other facts are still undetermined; absent if there are none. */
  readonly unknown?: string;
  /** Absent if the policy names none. */
  readonly pipeline?: Pipeline;
  readonly history: RebuildHistory;
  /** The digest of the whole head (`headDigestOf`); absent if the stream has none. */
  readonly headDigest?: Digest;
  /** Absent if the parent is unknown. */
  readonly parentHead?: Digest;
  /** As `Rebuild.parents`. */
  readonly parents?: string;
  /** The ancestor streams, nearest first. */
  readonly ancestors: readonly string[];
  /** Why the scans of the candidate in the history do not show whether it is fixed; absent if they may show it. */
  readonly uncoveredCandidate?: string;
  /** Scopes of caps whose slots are all taken by other rebuilds. */
  readonly fullCaps?: readonly string[];
  readonly runnerBusyUntilEpochMs?: number;
}

/** `facts` are those that a rebuild may fix; `dropped` are the others, each with its reason. */
export type Decision =
  | { readonly answer: 'allow'; readonly facts: readonly CauseFact[]; readonly dropped: readonly DroppedFact[] }
  | NegativeDecision;

/**
 * Whether a stream may be rebuilt now. Asked when it is planned and again before its pipeline starts; pure, so both get
 * the same answer. Checks the stream first, then each fact: facts that a rebuild would not fix drop out, and if none is
 * left the most serious reason is the answer. Temporary obstacles come last.
 */
export function mayRebuild(inputs: GuardInputs, settings: GuardSettings, nowEpochMs: number): Decision {
  const obstacle = mayDeploy(inputs) ?? mayEverRebuild(inputs, settings, nowEpochMs);
  if (obstacle) return obstacle;
  const isResumed = resumedBy(inputs.history, inputs) !== undefined;
  const { fixable, dropped } = dropUnfixable(inputs.facts, { ...inputs, ...settings, isResumed }, nowEpochMs);
  // An undetermined fact may turn out to be worth a rebuild; a permanent refusal need not wait for it.
  if (fixable.length === 0)
    return inputs.unknown === undefined ? refusal(dropped) : wait('unknown-facts', inputs.unknown);
  if (isResumed && inputs.uncoveredCandidate !== undefined)
    return wait(
      'unknown-facts',
      `Patchwave cannot verify the image that it built last: ${inputs.uncoveredCandidate}. Patchwave verifies the image after that.`,
    );
  return passingObstacle(inputs, settings, nowEpochMs) ?? { answer: 'allow', facts: fixable, dropped };
}

/** Why an existing build may not be rolled out now; `undefined` if it may. */
export const mayDeploy = (inputs: StartInputs): NegativeDecision | undefined =>
  modeObstacle(inputs) ??
  (inputs.unreadable === undefined ? openElsewhere(inputs) : unreadableRecord(inputs.unreadable, inputs));

/** The item may contain an obstacle, so the stream waits. */
export const unreadableRecord = (
  item: string,
  { isLockUnreadable }: Pick<StartInputs, 'isLockUnreadable'> = {},
): NegativeDecision =>
  wait(
    'unreadable-record',
    `A ledger item of the stream cannot be read: ${item}. ${isLockUnreadable ? FREE_THE_LOCK : 'Correct or delete it.'}`,
  );

const FREE_THE_LOCK =
  'The planner deletes this lock when no build of the stream can still be running and no open cascade contains the ' +
  'stream. To delete it now, make sure that the pipeline of the stream is idle, then run `patchwave reset STREAM --reason TEXT`.';

/**
 * Why the kill switch, the lack of a rule or the mode of the stream allows neither a rebuild nor a deployment;
 * `undefined` if all of them allow it.
 */
export function modeObstacle({
  mode,
  isNamed = true,
  killSwitch,
}: Pick<StartInputs, 'mode' | 'isNamed' | 'killSwitch'>): NegativeDecision | undefined {
  if (killSwitch.rebuilding === 'paused') return pausedAnswer(killSwitch);
  if (!isNamed)
    return refuse(
      'not-in-policy',
      'No policy rule names this stream now. Add its repository and head tag to a rule, or stop the workloads that run its images.',
    );
  if (mode === 'paused')
    return wait(
      'paused',
      'The mode of this stream, or of an account that its build uses, is `paused` in the policy. To rebuild it, set that mode to `enforce`.',
    );
  if (mode === 'report-only')
    return refuse(
      'report-only',
      'The mode of this stream, or of an account that its build uses, is `report-only` in the policy. To rebuild it, set that mode to `enforce`.',
    );
  return undefined;
}

/** The answer while the kill switch pauses. @param afterPause the answer that stands when the pause ends, if there is one */
export const pausedAnswer = (killSwitch: KillSwitch, afterPause?: NegativeDecision): NegativeDecision => ({
  ...wait('paused', pauseText(killSwitch)),
  ...(afterPause && { afterPause }),
});

/** Whether an answer is of the kill switch, and not of a mode: it is over as soon as a person resumes. */
export const isAnswerOfSwitch = ({ reason, detail }: Pick<NodeAnswer, 'reason' | 'detail'>): boolean =>
  reason === 'paused' && detail.includes(TO_RESUME);

const TO_RESUME = 'To resume: `patchwave resume`.';

const pauseText = (killSwitch: KillSwitch): string =>
  isSwitchUnreadable(killSwitch)
    ? `Patchwave is paused, because its kill switch cannot be read: ${killSwitch.reason}. ${TO_RESUME} To keep the pause under your name: \`patchwave pause\`. Both write the switch anew.`
    : `${killSwitch.by} paused Patchwave: ${killSwitch.reason.replace(/\.$/, '')}. ${TO_RESUME}`;

function openElsewhere({ cascadeId, openCascadeId, lock, lockBuild }: StartInputs): NegativeDecision | undefined {
  if (lock && lock.cascadeId !== cascadeId) {
    const { cascadeId: holder, deadlineEpochMs } = lock;
    if (lockBuild === 'waiting-approval')
      return wait(
        WAITING_APPROVAL,
        `The build in cascade ${holder} waits for approval until ${instant(deadlineEpochMs)}. Approve or reject it in the pipeline.`,
        deadlineEpochMs,
      );
    const detail = `Cascade ${holder} is rebuilding the stream until ${instant(deadlineEpochMs)} at the latest.`;
    return wait('already-open', detail, deadlineEpochMs);
  }
  if (openCascadeId === undefined || openCascadeId === cascadeId) return undefined;
  return wait(
    'already-open',
    `Cascade ${openCascadeId} is working on the stream. Patchwave plans the stream again when that cascade ends.`,
  );
}

/**
 * Why a stream is not rebuilt for any fact, because only a person can change that; `undefined` if it may be rebuilt.
 */
export function mayEverRebuild(
  inputs: Omit<GuardInputs, 'facts'>,
  settings: GuardSettings,
  nowEpochMs: number,
): NegativeDecision | undefined {
  const { stream, pipeline, history, ancestors } = inputs;
  const { startUnknown, failuresInARow, unreadable } = history;
  if (unreadable !== undefined) return unreadableRecord(unreadable);
  if (!pipeline) return refuse('no-pipeline', 'The policy names no pipeline for this stream. Add one to its rule.');
  if (ancestors.includes(stream))
    return refuse(
      'cycle',
      `The policy declares parents in a circle: ${ancestors.join(', ')}. Fix \`parents\` in the policy.`,
    );
  const depth = ancestors.length + 1;
  if (depth > settings.depth) return tooDeep(depth, settings.depth);
  if (startUnknown && nowEpochMs < startUnknown.untilEpochMs)
    return refuse(
      'start-unknown',
      `Rebuild ${startUnknown.rebuildId} may have started, but Patchwave cannot reach its pipeline. It counts as running until ${instant(startUnknown.untilEpochMs)}. Restore the build role, or check the pipeline and run \`patchwave reset STREAM --reason TEXT\`.`,
      startUnknown.untilEpochMs,
    );
  if (failuresInARow >= settings.attempts)
    return refuse(
      'attempts-exhausted',
      `${countedInARow(failuresInARow, 'rebuild')} failed. Fix the pipeline, then run \`patchwave reset STREAM --reason TEXT\`.`,
    );
  return undefined;
}

/** The pause after the second cascade in a row that ended before the stream was done; each further one doubles it. */
const FIRST_PAUSE_MINUTES = 5;
const DAY_MINUTES = DAY_MS / MINUTE_MS;

const pauseEnd = ({ inARow, atEpochMs }: BrokenOff, mostMinutes: number): number =>
  atEpochMs + Math.min(FIRST_PAUSE_MINUTES * 2 ** (inARow - 2), mostMinutes) * MINUTE_MS;

/**
 * Why a stream must wait whose cascades ended before it was done; `undefined` if it may be planned. After the first one
 * it may be planned at once, because the next wake-up finishes what a stopped execution did not.
 */
export function pauseAfterBreakOff(
  { brokenOff }: RebuildHistory,
  { coolDownMinutes }: Pick<GuardSettings, 'coolDownMinutes'>,
  nowEpochMs: number,
): NegativeDecision | undefined {
  if (!brokenOff || brokenOff.inARow < 2 || brokenOff.notBuilt !== undefined) return undefined;
  const { inARow, cascadeId, atEpochMs } = brokenOff;
  const untilEpochMs = pauseEnd(brokenOff, coolDownMinutes);
  if (nowEpochMs >= untilEpochMs) return undefined;
  const detail = `${inARow} cascades in a row stopped before this stream was done, so Patchwave waits before it plans the stream again. The last was ${cascadeId} at ${instant(atEpochMs)}. Find out in Step Functions why its execution ended.`;
  return wait('cool-down', detail, untilEpochMs);
}

/**
 * Why a stream must wait that the planner let start and the dispatcher did not build; `undefined` if it may be planned.
 * Both decide from the same facts, so after the first one it may be planned at once: a head moved meanwhile.
 */
function pauseAfterNotBuilt({ brokenOff }: RebuildHistory, nowEpochMs: number): NegativeDecision | undefined {
  if (brokenOff?.notBuilt === undefined || brokenOff.inARow < 2) return undefined;
  const { inARow, cascadeId, atEpochMs, notBuilt } = brokenOff;
  const untilEpochMs = pauseEnd(brokenOff, DAY_MINUTES);
  if (nowEpochMs >= untilEpochMs) return undefined;
  const detail = `${inARow} cascades in a row ended without a build of this stream, so Patchwave waits before it plans the stream again. The last was ${cascadeId} at ${instant(atEpochMs)}: ${notBuilt} To plan it sooner, run \`patchwave reset STREAM --reason TEXT\`.`;
  return wait('cool-down', detail, untilEpochMs);
}

/**
 * The pause after a rebuild. An unverified rebuild counts as no failure; if the tag for children did not move, the head
 * asks for the next rebuild. So each further unverified one in a row doubles the pause.
 */
function coolDown(
  { lastStartedAtEpochMs = 0, lastEndedAtEpochMs = 0, unverifiedInARow = 0 }: RebuildHistory,
  { coolDownMinutes }: GuardSettings,
  nowEpochMs: number,
): NegativeDecision | undefined {
  const lastEpochMs = Math.max(lastStartedAtEpochMs, lastEndedAtEpochMs);
  const doubled = Math.max(coolDownMinutes, FIRST_PAUSE_MINUTES) * 2 ** (unverifiedInARow - 1);
  const minutes = unverifiedInARow < 2 ? coolDownMinutes : Math.max(coolDownMinutes, Math.min(doubled, DAY_MINUTES));
  const untilEpochMs = lastEpochMs + minutes * MINUTE_MS;
  if (lastEpochMs === 0 || nowEpochMs >= untilEpochMs) return undefined;
  const last = `The last rebuild was at ${instant(lastEpochMs)}.`;
  if (unverifiedInARow < 2)
    return wait(
      'cool-down',
      `${last} The next may start after the cool-down of the policy (\`guards.coolDownMinutes\`).`,
      untilEpochMs,
    );
  const detail = `${last} ${unverifiedInARow} rebuilds in a row could not be verified, so Patchwave waits longer before the next one. \`patchwave why\` names the reason. To rebuild sooner, correct it, then run \`patchwave reset STREAM --reason TEXT\`.`;
  return wait('cool-down', detail, untilEpochMs);
}

/** Temporary obstacles. An own lock means that the rebuild has begun, so it skips the cool-down. */
function passingObstacle(
  inputs: GuardInputs,
  settings: GuardSettings,
  nowEpochMs: number,
): NegativeDecision | undefined {
  const { history, lock, fullCaps = [], runnerBusyUntilEpochMs = 0 } = inputs;
  const pause = lock
    ? undefined
    : (coolDown(history, settings, nowEpochMs) ??
      pauseAfterBreakOff(history, settings, nowEpochMs) ??
      pauseAfterNotBuilt(history, nowEpochMs));
  if (pause) return pause;
  if (nowEpochMs < runnerBusyUntilEpochMs)
    return wait('runner-limit', 'The pipeline is at its limit of runs. Patchwave tries again.', runnerBusyUntilEpochMs);
  const [full] = fullCaps;
  return full === undefined ? undefined : capReached(full);
}
