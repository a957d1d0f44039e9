import { runsAsRoot, SOURCE_LABELS, type SourceLabel, sourceProblem } from '../image/config-facts.ts';
import type { Tier } from '../image/image.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import type { Policy } from '../policy/policy.ts';
import type { Reason } from './verdict.ts';

/* Rules about the config of an image. They report; no rebuild follows from them, because the build itself has to change. */

type ConfiguredImage = Pick<ImageProperties, 'tier' | 'platform' | 'configFacts'>;

const appliesTo = (rule: { readonly tiers: readonly Tier[] } | undefined, { tier }: ConfiguredImage): boolean =>
  rule?.tiers.includes(tier) === true;

/** Whether the policy asks what the config of an image of this tier says. */
export const needsConfig = (image: ConfiguredImage, { sourceKnown, nonRoot }: Policy): boolean =>
  appliesTo(sourceKnown, image) || appliesTo(nonRoot, image);

/** The labels that do not say which source an image was built from. */
export function sourceReasons(image: ConfiguredImage, { sourceKnown: rule }: Pick<Policy, 'sourceKnown'>): Reason[] {
  if (!rule || !appliesTo(rule, image)) return [];
  const { configFacts: facts } = image;
  if (!facts || facts.isUnusable) return [{ ruleId: rule.id, effect: 'unknown', kind: 'source' }];
  return (Object.keys(SOURCE_LABELS) as SourceLabel[]).flatMap((label): Reason[] => {
    const problem = sourceProblem(facts, label);
    return problem === undefined ? [] : [{ ruleId: rule.id, effect: 'violates', kind: 'source', label, problem }];
  });
}

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
