import {
  type ConfigFacts,
  inheritedLabels,
  runsAsRoot,
  SOURCE_LABELS,
  type SourceLabel,
  sourceProblem,
} from '../image/config-facts.ts';
import { isBearing, type Tier } from '../image/image.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import type { Policy } from '../policy/policy.ts';
import type { Reason } from './verdict.ts';

/* Rules about the config of an image. They report; no rebuild follows from them, because the build itself has to change. */

type ConfiguredImage = Pick<ImageProperties, 'tier' | 'platform' | 'configFacts'>;

/** Whether the policy has a rule, for images of this tier. */
export const appliesTo = (
  rule: { readonly tiers: readonly Tier[] } | undefined,
  { tier }: { readonly tier: Tier },
): boolean => rule?.tiers.includes(tier) === true;

/** Whether the policy asks what the config of an image of this tier says, or of one that is built on it. */
export const needsConfig = (image: ConfiguredImage, { sourceKnown, nonRoot }: Policy): boolean =>
  appliesTo(sourceKnown, image) || appliesTo(nonRoot, image) || (sourceKnown !== undefined && isBearing(image.tier));

/** Whether the policy asks for the source of an image, and its config names one. */
export const asksForSource = (image: ConfiguredImage, { sourceKnown }: Policy): boolean =>
  appliesTo(sourceKnown, image) && image.configFacts !== undefined && !image.configFacts.isUnusable;

/** What the config of the image below says, which another stream made; without facts if it was not read. */
export interface ConfigBelow {
  readonly facts?: ConfigFacts;
}

/**
 * The labels that do not say which source an image was built from. A label that it has from the image below does not.
 * @param below absent if no such image is known
 */
export function sourceReasons(
  image: ConfiguredImage,
  { sourceKnown: rule }: Pick<Policy, 'sourceKnown'>,
  below?: ConfigBelow,
): Reason[] {
  if (!rule || !appliesTo(rule, image)) return [];
  const { configFacts: facts } = image;
  if (!facts || facts.isUnusable) return [{ ruleId: rule.id, effect: 'unknown', kind: 'source' }];
  const read = below?.facts?.isUnusable ? undefined : below?.facts;
  const inherited = read ? inheritedLabels(facts, read) : [];
  const violating = (Object.keys(SOURCE_LABELS) as SourceLabel[]).flatMap((label): Reason[] => {
    const problem = sourceProblem(facts, label) ?? (inherited.includes(label) ? 'inherited' : undefined);
    return problem === undefined ? [] : [{ ruleId: rule.id, effect: 'violates', kind: 'source', label, problem }];
  });
  const unknown: Reason = { ruleId: rule.id, effect: 'unknown', kind: 'source', isParentUnread: true };
  return below && !read && mayInherit(facts) ? [...violating, unknown] : violating;
}

/** Annotations of its own are not inherited, whatever the image below says. */
const mayInherit = (facts: ConfigFacts): boolean =>
  (Object.keys(SOURCE_LABELS) as SourceLabel[]).some(
    (label) => sourceProblem(facts, label) === undefined && !facts.annotated?.includes(label),
  );

/** The user of an image, if it is root or unknown. */
export function userReasons(image: ConfiguredImage, { nonRoot: rule }: Pick<Policy, 'nonRoot'>): Reason[] {
  if (!rule || !appliesTo(rule, image)) return [];
  const { configFacts: facts = {} } = image;
  const isRoot = runsAsRoot(facts, image.platform);
  if (isRoot === undefined) return [{ ruleId: rule.id, effect: 'unknown', kind: 'user' }];
  return isRoot
    ? [{ ruleId: rule.id, effect: 'violates', kind: 'user', ...(facts.user !== undefined && { user: facts.user }) }]
    : [];
}
