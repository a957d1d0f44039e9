import { canonicalJson } from '../domain/common/canonical-json.ts';
import { sameContent } from '../domain/common/same-content.ts';
import { digest } from '../domain/image/digest-schema.ts';
import { TIERS } from '../domain/image/image.ts';
import { MOST_PUBLISHED, type PublishedEvent } from '../domain/outbox/published-event.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { type Reason, VERDICTS, type Verdict } from '../domain/verdict/verdict.ts';
import * as v from '../schema.ts';
import { published } from './contract.ts';
import { count, epochMs, location, reason, text } from './parts.ts';

/** The verdict of an image has another status, or other deciding reasons. */
export const imageVerdictChanged = published('ImageVerdictChanged', 1, {
  digest,
  tier: v.picklist(TIERS),
  stream: v.exactOptional(text),
  owner: v.exactOptional(text),
  locations: v.array(location),
  inUse: v.boolean(),
  isHead: v.boolean(),
  status: v.picklist(VERDICTS),
  /** Absent for the first verdict of an image. */
  previousStatus: v.exactOptional(v.picklist(VERDICTS)),
  /** The 100 most serious; `reasonCount` counts all. */
  reasons: v.pipe(v.array(reason), v.maxLength(MOST_PUBLISHED)),
  reasonCount: count,
  /** What the last scan result tells of: empty without one, absent if a version before 0.3.0 judged the image. */
  covers: v.exactOptional(v.array(v.picklist(['os', 'language']))),
  policyVersion: text,
  nextBreachAtEpochMs: v.exactOptional(epochMs),
});

/** A verdict changes with its status, what it covers or its deciding reasons; approaching deadlines give no event. */
export function verdictChange(before: ImageRecord | undefined, after: ImageRecord): PublishedEvent[] {
  const { digest, tier, stream, owner, inUse, isHead, locations, verdict } = after;
  if (!verdict || (before?.verdict && sameDecision(before.verdict, verdict))) return [];
  const { status, reasons, covers, policyVersion, nextBreachAtEpochMs } = verdict;
  return [
    imageVerdictChanged.event(digest, {
      ...{ digest, tier },
      ...(stream !== undefined && { stream }),
      ...(owner !== undefined && { owner }),
      ...{ locations: [...locations], inUse, isHead, status },
      ...(before?.verdict && { previousStatus: before.verdict.status }),
      ...{ reasons: reasons.slice(0, MOST_PUBLISHED), reasonCount: reasons.length, policyVersion },
      ...(covers && { covers: [...covers] }),
      ...(nextBreachAtEpochMs !== undefined && { nextBreachAtEpochMs }),
    }),
  ];
}

const sameDecision = (one: Verdict, other: Verdict): boolean =>
  one.status === other.status && sameCoverage(one, other) && decision(one) === decision(other);

/** A verdict of a version before 0.3.0 does not say it, and an upgrade changes no verdict. */
const sameCoverage = ({ covers: one }: Verdict, { covers: other }: Verdict): boolean =>
  one === undefined || other === undefined || one.length === 0 || other.length === 0 || sameContent(one, other);

const decision = ({ reasons }: Verdict): string => reasons.filter(isDecisive).map(decisive).sort().join('\n');

const isDecisive = ({ effect }: Reason): boolean => effect === 'violates' || effect === 'unknown';

/** A reason without its times and without text that may vary for the same fact. */
function decisive(reason: Reason): string {
  const { ruleId, effect, kind } = reason;
  switch (reason.kind) {
    case 'finding':
      return canonicalJson([effect, ruleId, kind, reason.vulnerability, reason.package, reason.version]);
    case 'scan':
      return canonicalJson([effect, ruleId, kind, reason.state, reason.scanReason]);
    case 'registry':
      return canonicalJson([effect, ruleId, kind, reason.registry]);
    case 'source':
      return canonicalJson([effect, ruleId, kind, reason.label, reason.problem, reason.isParentUnread]);
    case 'system':
      return canonicalJson([effect, ruleId, kind, reason.system]);
    case 'tag':
      return canonicalJson([effect, ruleId, kind, reason.tag, reason.problem]);
    default:
      return canonicalJson([effect, ruleId, kind]);
  }
}
