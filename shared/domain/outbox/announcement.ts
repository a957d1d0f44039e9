import { canonicalJson } from '../common/canonical-json.ts';
import type { PolicyPointer } from '../policy/policy-pointer.ts';
import type { ReviewRecord } from '../review/run.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { Reason, Verdict } from '../verdict/verdict.ts';
import { causeChange, closureEnd, headMove, rebuildEnd } from './announcement-acts.ts';
import { lossExpected } from './announcement-loss.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { MOST_TOLD, type PublishedEvent } from './published-event.ts';

/** Who tells of it, as EventBridge rules match it. */
export const EVENT_SOURCE = 'patchwave';

export type { PublishedEvent } from './published-event.ts';

/**
 * What one change of the ledger means to others; nothing where it means nothing. The same change always gives the same
 * events, so a change that is delivered twice is told twice in the same words.
 */
export function announce(before: LedgerRecord | undefined, after: LedgerRecord | undefined): PublishedEvent[] {
  switch (after?.kind) {
    case 'image':
      return verdictChange(before?.kind === 'image' ? before.record : undefined, after.record);
    case 'cause':
      return causeChange(before?.kind === 'cause' ? before.record : undefined, after.record);
    case 'stream':
      return headMove(before?.kind === 'stream' ? before.record : undefined, after.record);
    case 'rebuild':
      return rebuildEnd(before?.kind === 'rebuild' ? before.record : undefined, after.record);
    case 'closure':
      return closureEnd(before?.kind === 'closure' ? before.record : undefined, after.record);
    case 'loss':
      return lossExpected(before?.kind === 'loss' ? before.record : undefined, after.record);
    case 'run':
      return reviewEnd(before?.kind === 'run' ? before.record : undefined, after.record);
    case 'policy':
      return policyChange(before?.kind === 'policy' ? before.record : undefined, after.record);
    default:
      return [];
  }
}

/** A verdict changed where its status did, or what decides it; deadlines that come nearer are no news. */
function verdictChange(before: ImageRecord | undefined, after: ImageRecord): PublishedEvent[] {
  if (!after.verdict || (before?.verdict && sameDecision(before.verdict, after.verdict))) return [];
  return [imageVerdictChanged(after, after.verdict, before?.verdict)];
}

const sameDecision = (one: Verdict, other: Verdict): boolean =>
  one.status === other.status && decision(one) === decision(other);

const decision = ({ reasons }: Verdict): string => reasons.filter(isDecisive).map(decisive).sort().join('\n');

const isDecisive = ({ effect }: Reason): boolean => effect === 'violates' || effect === 'unknown';

/** A reason without its instants and without what may be told differently of the same thing. */
function decisive(reason: Reason): string {
  const { ruleId, effect, kind } = reason;
  switch (reason.kind) {
    case 'finding':
      return canonicalJson([effect, ruleId, kind, reason.vulnerability, reason.package, reason.version]);
    case 'scan':
      return canonicalJson([effect, ruleId, kind, reason.state, reason.scanReason]);
    case 'registry':
      return canonicalJson([effect, ruleId, kind, reason.registry]);
    default:
      return canonicalJson([effect, ruleId, kind]);
  }
}

export function imageVerdictChanged(image: ImageRecord, verdict: Verdict, previous?: Verdict): PublishedEvent {
  const { digest, tier, stream, owner, inUse, isHead, locations } = image;
  const { status, reasons, policyVersion, nextBreachAtEpochMs } = verdict;
  return {
    detailType: 'ImageVerdictChanged',
    resources: [digest],
    detail: {
      schemaVersion: 1,
      digest,
      tier,
      ...(stream !== undefined && { stream }),
      ...(owner !== undefined && { owner }),
      locations,
      inUse,
      isHead,
      status,
      ...(previous && { previousStatus: previous.status }),
      reasons: reasons.slice(0, MOST_TOLD),
      reasonCount: reasons.length,
      policyVersion,
      ...(nextBreachAtEpochMs !== undefined && { nextBreachAtEpochMs }),
    },
  };
}

const reviewEnd = (before: ReviewRecord | undefined, after: ReviewRecord): PublishedEvent[] =>
  after.state === 'running' || before?.state === after.state ? [] : [fleetReviewed(after)];

export function fleetReviewed(review: ReviewRecord): PublishedEvent {
  const { runId, mode, state, policyVersion, startedAtEpochMs, endedAtEpochMs, totals, failure } = review;
  return {
    detailType: 'FleetReviewed',
    resources: [runId],
    detail: {
      schemaVersion: 1,
      runId,
      mode,
      state,
      policyVersion,
      startedAtEpochMs,
      ...(endedAtEpochMs !== undefined && { endedAtEpochMs }),
      ...(totals && { totals }),
      ...(failure && { failure }),
    },
  };
}

const policyChange = (before: PolicyPointer | undefined, after: PolicyPointer): PublishedEvent[] =>
  before?.version === after.version ? [] : [policyChanged(after, before?.version ?? after.replaces)];

export const policyChanged = ({ version, author, atEpochMs }: PolicyPointer, replaces?: string): PublishedEvent => ({
  detailType: 'PolicyChanged',
  resources: [version],
  detail: { schemaVersion: 1, version, ...(replaces !== undefined && { replaces }), author, atEpochMs },
});
