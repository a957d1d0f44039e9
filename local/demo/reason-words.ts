/** Reasons of guards and verdicts in a few words, for a reader who does not know the glossary. */

import type { CauseFact } from '../../shared/domain/cause/cause.ts';
import type { RefuseReason, WaitReason } from '../../shared/domain/guard/guard-answer.ts';
import { factText } from '../../shared/domain/guard/guard-facts.ts';
import type { Tier } from '../../shared/domain/image/image.ts';
import type { Reason } from '../../shared/domain/verdict/verdict.ts';

const HOLDS: Readonly<Record<WaitReason | RefuseReason, string>> = {
  'not-in-policy': 'not in the policy',
  'report-only': 'its policy only reports',
  'no-pipeline': 'its policy names no pipeline',
  cycle: 'it is built on itself',
  depth: 'too many images are built on one another',
  'start-unknown': 'whether its pipeline started is not known',
  'attempts-exhausted': 'too many rebuilds of it failed',
  'parent-pinned': 'its build pins an old parent',
  ineffective: 'a rebuild did not fix it',
  'no-fix-seen': 'no fix was seen',
  'would-not-help': 'a rebuild would not help',
  paused: 'rebuilding is paused',
  'already-open': 'a rebuild of it is under way',
  'waiting-approval': 'its build waits for a person to approve it',
  'cool-down': 'it was rebuilt a short time ago',
  'cap-reached': 'the policy allows no more rebuilds at once',
  'unknown-facts': 'the scans of its images are not complete',
  'head-unread': 'its newest image is not read yet',
  'unreadable-record': 'a record of it cannot be read',
  'head-fixed': 'its newest image is fixed already',
  'runner-limit': 'its pipeline takes no more runs now',
  closing: 'the fixed image is there, and old ones still run',
  'parent-on-hold': 'an image that it is built on is on hold',
  'parent-not-verified': 'an image that it is built on is not fixed',
  'review-running': 'a review is running',
  'cascade-ended': 'its plan ended before its turn came',
};

/** An answer that a later version added is its own name. */
export const holdText = (reason: string): string => (HOLDS as Readonly<Record<string, string>>)[reason] ?? reason;

const TIERS: Readonly<Partial<Record<Tier, string>>> = {
  unmanaged: 'not in the policy',
  external: 'it is not built here',
  mirrored: 'its vendor has to fix it',
  'aws-managed': 'AWS maintains it',
};

/** Why Patchwave rebuilds no image of a tier; absent for one that it may rebuild. */
export const tierText = (tier: Tier): string | undefined => TIERS[tier];

const scanText = ({ state, scanReason }: Extract<Reason, { kind: 'scan' }>): string =>
  `${state === 'unsupported' ? 'not scannable' : 'no scan result'} (${scanReason ?? state})`;

/** A reason of a verdict. */
export function complaintText(reason: Reason): string {
  switch (reason.kind) {
    case 'finding':
      return `${reason.vulnerability} in ${reason.package}`;
    case 'age':
      return reason.decidedBy === undefined
        ? `older than ${reason.limitDays} days`
        : `built on an image older than ${reason.limitDays} days`;
    case 'age-unknown':
      return 'age not known';
    case 'scan':
      return scanText(reason);
    case 'registry':
      return 'from a registry that is not approved';
    case 'source':
      return 'its source is not named';
    case 'user':
      return 'runs as root, or as an unknown user';
    case 'tag':
      return 'its tags break the rules for tags';
    case 'system':
      return 'its operating system is no longer supported, or not for long, or is unknown';
    case 'digest-guessed':
      return 'which image runs is not certain';
    case 'policy':
      return 'the policy cannot be read';
  }
}

/** What a rebuild is for: the first finding, or else the first fact. @param brief the short name of a stream */
export function shortFacts(facts: readonly CauseFact[], brief: (stream: string) => string): string {
  const findings = [...new Set(facts.flatMap((one) => (one.kind === 'finding' ? [one.vulnerability] : [])))];
  const [finding, ...others] = findings;
  if (finding !== undefined) return others.length > 0 ? `${finding} and ${others.length} more` : finding;
  const [fact] = facts.toSorted((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
  if (fact?.kind === 'parent-moved') return `built on an old image of ${brief(fact.parent)}`;
  if (fact?.kind === 'age') return 'near or over its age limit';
  return fact === undefined ? 'nothing' : factText(fact);
}

const ORDER: readonly CauseFact['kind'][] = ['finding', 'age', 'person', 'parent-moved'];

/** Whether a stream is rebuilt for a fact of its own, not only because a parent has a new image. */
export const isOwnFault = (facts: readonly CauseFact[]): boolean => facts.some(({ kind }) => kind !== 'parent-moved');
