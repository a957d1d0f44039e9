import * as v from '../../schema.ts';
import { matchesGlob } from '../common/glob.ts';

/**
 * A rule of an Amazon ECR lifecycle policy: what it selects and what it does.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
 */
export interface LifecycleRule {
  /** Lower numbers are applied first. */
  readonly priority: number;
  /** Absent if the rule cannot be parsed: it may select anything. */
  readonly selection?: Selection;
  /** Absent if it cannot be parsed. */
  readonly effect?: Effect;
  /** Why a part of it cannot be parsed. */
  readonly problem?: string;
}

export interface Selection {
  readonly tagStatus: 'tagged' | 'untagged' | 'any';
  /** The image must have a tag for each of them; `*` stands for any run of characters. */
  readonly tagPatterns: readonly string[];
  readonly storage: Storage;
}

export type Storage = 'standard' | 'archive';

export interface Effect {
  readonly action: ExpiryAction;
  /** It keeps this many of the selected images, or those younger than this many days. */
  readonly leaves:
    | { readonly by: 'count'; readonly images: number }
    | { readonly by: 'pushed' | 'pulled' | 'archived'; readonly days: number };
}

/** An archived image cannot be pulled either. */
export type ExpiryAction = 'expire' | 'archive';

export type ReadPolicy =
  | { readonly rules: readonly LifecycleRule[]; readonly problem?: undefined }
  | { readonly rules?: undefined; readonly problem: string };

const tags = v.array(v.text());
const count = v.pipe(v.integer(), v.minValue(1));
const standard = v.exactOptional(v.literal('standard'));

/** An unknown field may narrow the rule, so none is ignored. */
const selected = {
  tagStatus: v.picklist(['tagged', 'untagged', 'any']),
  tagPrefixList: v.exactOptional(tags),
  tagPatternList: v.exactOptional(tags),
};
const left = {
  countType: v.unknown(),
  countUnit: v.exactOptional(v.unknown()),
  countNumber: v.unknown(),
  storageClass: v.exactOptional(v.picklist(['standard', 'archive'])),
};
const selection = v.strictObject({ ...selected, ...left });

const days = { countUnit: v.literal('days'), countNumber: count };
const leaves = v.variant('countType', [
  v.strictObject({ countType: v.literal('imageCountMoreThan'), countNumber: count, storageClass: standard }),
  v.strictObject({ countType: v.literal('sinceImagePushed'), ...days, storageClass: standard }),
  v.strictObject({ countType: v.literal('sinceImagePulled'), ...days, storageClass: standard }),
  v.strictObject({ countType: v.literal('sinceImageTransitioned'), ...days, storageClass: v.literal('archive') }),
]);
const action = v.variant('type', [
  v.strictObject({ type: v.literal('expire') }),
  v.strictObject({ type: v.literal('transition'), targetStorageClass: v.literal('archive') }),
]);
const rule = v.object({
  rulePriority: v.pipe(v.integer(), v.minValue(1)),
  selection: v.exactOptional(v.unknown()),
  action: v.exactOptional(v.unknown()),
});
const document = v.object({ rules: v.array(rule) });

/**
 * Parses a lifecycle policy from ECR. A rule of unknown form stays in its place with its known fields, so that its
 * images do not count as safe.
 */
export function readLifecyclePolicy(text: string): ReadPolicy {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'the lifecycle policy is not JSON' };
  }
  const read = v.safeParse(document, json);
  if (!read.success) return { problem: `the lifecycle policy cannot be read: ${problemsIn(read.problems)}` };
  const rules = read.data.rules.map(readRule);
  return { rules: rules.sort((one, other) => one.priority - other.priority) };
}

function readRule({ rulePriority: priority, ...parts }: v.InferOutput<typeof rule>): LifecycleRule {
  const select = v.safeParse(selection, parts.selection);
  if (!select.success) return { priority, problem: `rule ${priority}: ${problemsIn(select.problems)}` };
  const { tagStatus, tagPrefixList = [], tagPatternList = [], ...counted } = select.data;
  const storage = counted.storageClass ?? 'standard';
  const tagPatterns = [...tagPrefixList.map((prefix) => `${prefix}*`), ...tagPatternList];
  if ((tagStatus === 'tagged') !== tagPatterns.length > 0)
    return {
      priority,
      problem: `rule ${priority}: \`tagPrefixList\` or \`tagPatternList\` is needed if \`tagStatus\` is "tagged", and not allowed otherwise`,
    };
  // ECR documents wildcards for patterns only; whether `*` in a prefix is a wildcard or a character is unknown.
  if (tagPrefixList.some((prefix) => prefix.includes('*')))
    return {
      priority,
      problem: `rule ${priority}: \`tagPrefixList\` contains \`*\`. Use \`tagPatternList\` for patterns`,
    };
  const known = { priority, selection: { tagStatus, tagPatterns, storage } };
  const leave = v.safeParse(leaves, counted);
  const act = v.safeParse(action, parts.action);
  const problems = [...(leave.problems ?? []), ...(act.problems ?? [])];
  if (!leave.success || !act.success) return { ...known, problem: `rule ${priority}: ${problemsIn(problems)}` };
  return {
    ...known,
    effect: { action: act.data.type === 'expire' ? 'expire' : 'archive', leaves: leftBy(leave.data) },
  };
}

const SINCE = { sinceImagePushed: 'pushed', sinceImagePulled: 'pulled', sinceImageTransitioned: 'archived' } as const;

const leftBy = ({ countType, countNumber }: v.InferOutput<typeof leaves>): Effect['leaves'] =>
  countType === 'imageCountMoreThan'
    ? { by: 'count', images: countNumber }
    : { by: SINCE[countType], days: countNumber };

const problemsIn = (problems: readonly v.Problem[]): string => problems.map((one) => v.problemText(one)).join('; ');

/** Whether a rule selects an image with these tags in this storage class. */
export function selects({ tagStatus, tagPatterns, storage }: Selection, image: SelectableArtifact): boolean {
  if (storage !== (image.archived ? 'archive' : 'standard')) return false;
  if (tagStatus !== 'tagged') return tagStatus === 'any' || image.tags.length === 0;
  return tagPatterns.every((pattern) => image.tags.some((tag) => matchesGlob(pattern, tag)));
}

/** Whether at most one image can be selected: a pattern is a whole tag, and a tag is on one image at a time. */
export const selectsOne = ({ tagPatterns }: Selection): boolean =>
  tagPatterns.some((pattern) => !pattern.includes('*'));

export interface SelectableArtifact {
  readonly tags: readonly string[];
  readonly archived: boolean;
}
