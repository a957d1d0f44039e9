import type { Cascade } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild, RebuildOutcome } from '../../shared/domain/cause/rebuild.ts';
import { pollAfterSeconds } from '../../shared/domain/common/polling.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { type StreamPolicy, streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import type { JudgeImagesPorts } from '../../shared/judging/judge-images.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { SwitchLedger } from '../../shared/ports/kill-switch.ts';
import type { ContentLedger, ImageLedger, PlaceLedger, Reconfirmations } from '../../shared/ports/ledger.ts';
import type { Messages, RefreshRequest } from '../../shared/ports/messages.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { RebuildLedger } from '../../shared/ports/rebuilds.ts';
import type { ImageRegistry } from '../../shared/ports/registry.ts';
import type { Tagger } from '../../shared/ports/rollouts.ts';
import { type PolicyInForce, policyOfCascade } from '../../shared/review/policy-in-force.ts';
import type { AskWorld } from '../../shared/scanning/ask.ts';
import type { VerifyStepInput } from './input.ts';

export interface VerifyPorts extends JudgeImagesPorts, AskWorld {
  readonly images: ImageLedger & Reconfirmations;
  readonly registry: ImageRegistry;
  readonly places: Pick<PlaceLedger, 'indexes' | 'locations'>;
  readonly contents: Pick<ContentLedger, 'get'>;
  readonly refreshes: Messages<RefreshRequest>;
  readonly rebuilds: Pick<RebuildLedger, 'get' | 'record'>;
  readonly cascades: Pick<CascadeLedger, 'get' | 'changeNode'>;
  readonly policies: Pick<PolicyStore, 'current' | 'load' | 'history'>;
  readonly killSwitch: Pick<SwitchLedger, 'read'>;
  readonly tagger: Tagger;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

export interface VerifyLimits {
  /** Shortest wait between two checks. */
  readonly pollSeconds: number;
  /** How long after its end a build may still report its output. */
  readonly outputGraceMs: number;
}

/** A rebuild under verification. */
export interface Verification {
  readonly cascade: Cascade;
  readonly rebuild: Rebuild;
  /** Policy of the cascade. */
  readonly policy: StreamPolicy;
  readonly sinceEpochMs: number;
  readonly deadlineEpochMs: number;
}

/** @throws InvalidInputError if the rebuild does not exist */
export async function verificationOf(
  { cascades, rebuilds, policies, clock }: Pick<VerifyPorts, 'cascades' | 'rebuilds' | 'policies' | 'clock'>,
  { cascadeId, stream, rebuildId }: VerifyStepInput,
): Promise<Verification> {
  const [cascade, rebuild] = await Promise.all([cascades.get(cascadeId), rebuilds.get(stream, rebuildId)]);
  if (!cascade || rebuild?.cascadeId !== cascadeId)
    throw new InvalidInputError([`rebuildId: cascade ${cascadeId} has no rebuild ${rebuildId} of stream ${stream}`]);
  const { policy: whole, unreadable } = await policyOfCascade(policies, cascade.policyVersion);
  const policy = streamPolicy(whole, stream);
  const sinceEpochMs = rebuild.verifyingSinceEpochMs ?? clock();
  return {
    cascade,
    rebuild,
    // Without a policy the reservation decides who moves the tag.
    policy: unreadable ? { ...policy, promotes: rebuild.promotes === true } : policy,
    sinceEpochMs,
    deadlineEpochMs: sinceEpochMs + policy.guards.verifyMinutes * MINUTE_MS,
  };
}

/**
 * While the policy in force is unreadable, verification waits until the deadline of the cascade; its own time starts
 * after that. `undefined` if there is a policy, or the cascade is over.
 */
export async function waitForPolicy(
  ports: Pick<VerifyPorts, 'rebuilds' | 'clock'>,
  limits: VerifyLimits,
  verification: Verification,
  inForce: PolicyInForce,
): Promise<{ readonly decision: 'wait'; readonly waitSeconds: number } | undefined> {
  const { cascade, rebuild } = verification;
  const verifyingSinceEpochMs = ports.clock();
  if (verifyingSinceEpochMs >= cascade.deadlineEpochMs) return undefined;
  if (!inForce.unreadable) return undefined;
  await ports.rebuilds.record(rebuild.stream, rebuild.rebuildId, (before) =>
    before && !before.outcome ? { ...before, verifyingSinceEpochMs } : undefined,
  );
  return { decision: 'wait', waitSeconds: verifyWaitSeconds(ports, limits, verification, cascade.deadlineEpochMs) };
}

/** @throws InvalidInputError if its output is not found yet */
export function provenOutput({ rebuildId, output, verifyingSinceEpochMs }: Rebuild): Digest {
  if (output !== undefined && verifyingSinceEpochMs !== undefined) return output;
  throw new InvalidInputError([`rebuildId: the output of rebuild ${rebuildId} is not found yet`]);
}

/** Keeps the first outcome, and returns the recorded one. */
export async function recordOutcome(
  { rebuilds }: Pick<VerifyPorts, 'rebuilds'>,
  rebuild: Rebuild,
  judged: RebuildOutcome,
): Promise<RebuildOutcome> {
  const { stream, rebuildId } = rebuild;
  const outcome = outcomeOf(rebuild, judged);
  const stands = await rebuilds.record(stream, rebuildId, (before) =>
    before && before.outcome === undefined ? { ...before, outcome } : undefined,
  );
  return stands?.outcome ?? outcome;
}

/**
 * A verified output that was taken over and no longer fixes its facts counts against no pipeline, because none ran. The
 * next rebuild builds. One that was never judged gets the outcome of its build.
 */
function outcomeOf({ takenOverFrom, resumesUnscanned }: Rebuild, outcome: RebuildOutcome): RebuildOutcome {
  if (takenOverFrom === undefined || resumesUnscanned || outcome.result === 'fixed') return outcome;
  const reason = 'reason' in outcome ? `${outcome.result}: ${outcome.reason}` : outcome.result;
  return {
    result: 'unverified',
    reason: `the verified image of rebuild ${takenOverFrom} can no longer be used (${reason}). The next rebuild starts a new build`,
  };
}

export const verifyWaitSeconds = (
  { clock }: Pick<VerifyPorts, 'clock'>,
  { pollSeconds }: VerifyLimits,
  { sinceEpochMs }: Verification,
  untilEpochMs: number,
): number => pollAfterSeconds({ sinceEpochMs, nowEpochMs: clock(), untilEpochMs, pollSeconds });
