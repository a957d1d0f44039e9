import * as v from '../../schema.ts';
import { globsOverlap } from '../common/glob.ts';
import { exemptionProblems } from './aws-managed.ts';
import { BUILT_IN_RULES, SCOPE_READABLE } from './built-in-rules.ts';
import { CANDIDATE, headTagProblem, matchesHeadTag } from './head-tag.ts';
import { sampleTags } from './head-tag-samples.ts';
import { headTagText, type Policy, policyWith, type StreamRule } from './policy.ts';
import { COMMITS_ALONE } from './tag-scheme.ts';

const headTag = v.pipe(
  headTagText,
  v.rule((text) => {
    const message = headTagProblem(text);
    return message === undefined ? [] : [{ path: [], message }];
  }),
);

/**
 * Checks across the parts of a policy. Needed only when a policy is applied, so the functions need not bundle these
 * rules.
 */
export const wholePolicySchema = v.pipe(
  policyWith(headTag),
  v.rule((policy) => [
    ...repeatedIds(policy),
    ...wrongNames(policy),
    ...unknownRules(policy),
    ...wrongParents(policy),
    ...candidatesAsHeads(policy),
    ...watchedApplications(policy),
    ...commitsAlone(policy),
    ...actedOnMirrors(policy),
    ...exemptionProblems(policy),
  ]),
);

/** Verdicts cite rules by id, so ids are unique and differ from the built-in ones. */
function repeatedIds(policy: Policy): v.Problem[] {
  return [
    ...repeated(policy.streams.map(({ id }, index) => ({ id, path: ['streams', index, 'id'] }))),
    ...repeated(policy.waivers.map(({ id }, index) => ({ id, path: ['waivers', index, 'id'] }))),
    ...repeated(rulesIn(policy), [...BUILT_IN_IDS, SCOPE_READABLE]),
  ];
}

/** The rule of the policy about systems goes by the built-in id, unless it gets another one. */
const BUILT_IN_IDS = Object.values(BUILT_IN_RULES).filter((id) => id !== BUILT_IN_RULES.systemSupported);

interface NamedRule {
  readonly id: string;
  readonly path: (string | number)[];
}

/** Every rule with an id, in whichever field of the policy it is: alone or in a list. */
function rulesIn({ streams, waivers, ...settings }: Policy): NamedRule[] {
  return Object.entries<unknown>(settings).flatMap(([field, value]) =>
    Array.isArray(value)
      ? value.flatMap((one: unknown, index) => named(one, [field, index, 'id']))
      : named(value, [field, 'id']),
  );
}

const named = (value: unknown, path: NamedRule['path']): NamedRule[] =>
  typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string'
    ? [{ id: value.id, path }]
    : [];

function repeated(entries: readonly NamedRule[], taken: readonly string[] = []): v.Problem[] {
  const seen = new Set(taken);
  return entries.flatMap(({ id, path }) => {
    if (seen.has(id)) return [{ path, message: `the id "${id}" is used twice` }];
    seen.add(id);
    return [];
  });
}

/** A stream has one pattern, so two patterns of one repository have two names. */
function wrongNames({ streams }: Policy): v.Problem[] {
  const lines = streams.flatMap((rule, index) =>
    rule.headTags.map((headTag) => ({ rule, index, headTag, name: rule.names?.[headTag] ?? headTag })),
  );
  const unknown = streams.flatMap(({ headTags, names = {} }, index) =>
    Object.keys(names)
      .filter((headTag) => !headTags.includes(headTag))
      .map((headTag) => ({ path: ['streams', index, 'names', headTag], message: 'the rule has no such head tag' })),
  );
  const repeated = [...Map.groupBy(lines, ({ name }) => name)].flatMap(([name, those]) => {
    const byHeadTag = [...Map.groupBy(those, ({ headTag }) => headTag)];
    return byHeadTag.flatMap(([headTag, own]) => {
      const others = byHeadTag.flatMap(([one, of]) => (one === headTag ? [] : of));
      return own.flatMap(({ rule, index }) => {
        const taken = rule.names?.[headTag] && others.find((other) => shareARepository(rule, other.rule));
        if (!taken) return [];
        const message = `the name "${name}" is that of head tag ${taken.headTag} of rule "${taken.rule.id}" in the same repository`;
        return [{ path: ['streams', index, 'names', headTag], message }];
      });
    });
  });
  return [...unknown, ...repeated];
}

/** Whether two rules may name one repository. */
export const shareARepository = (one: StreamRule, other: StreamRule): boolean =>
  one.account === other.account &&
  one.regions.some((region) => other.regions.includes(region)) &&
  one.repositories.some((glob) => other.repositories.some((each) => globsOverlap(glob, each)));

/** A waiver of a missing rule has no effect, so its author gets a problem; unknown reasons cannot be waived. */
function unknownRules(policy: Policy): v.Problem[] {
  const waivable = new Set<string | undefined>([
    BUILT_IN_RULES.ageLimit,
    SCOPE_READABLE,
    ...rulesIn(policy).map(({ id }) => id),
  ]);
  return policy.waivers.flatMap(({ rule }, index) =>
    rule === undefined || waivable.has(rule)
      ? []
      : [
          {
            path: ['waivers', index, 'rule'],
            message: `the policy has no rule that can be waived with the id "${rule}"`,
          },
        ],
  );
}

/** A candidate that matches a head tag pattern would become a head before it is verified. */
function candidatesAsHeads({ streams }: Policy): v.Problem[] {
  return streams.flatMap(({ promotes, headTags }, index) => {
    if (!promotes) return [];
    const tags = headTags.flatMap((pattern) => sampleTags(pattern));
    return headTags.flatMap((pattern, at) => {
      const tag = tags.find((each) => matchesHeadTag(pattern, each + CANDIDATE));
      if (tag === undefined) return [];
      const message =
        `the pattern matches "${tag}${CANDIDATE}", the candidate of "${tag}", which becomes a head only once it is verified. ` +
        `Write a pattern that matches no tag ending in ${CANDIDATE}`;
      return [{ path: ['streams', index, 'headTags', at], message }];
    });
  });
}

/** No review lists the repositories of applications, so their heads may be unknown. */
function watchedApplications({ streams }: Policy): v.Problem[] {
  const message =
    '`all` is possible only for the tiers base and platform, because no review lists the repositories of applications';
  return streams.flatMap(({ tier, heads }, index) =>
    tier === 'application' && heads === 'all' ? [{ path: ['streams', index, 'heads'], message }] : [],
  );
}

/** A stream whose builds push a commit alone cannot be rebuilt from that commit under another tag. */
function commitsAlone({ streams, tags }: Policy): v.Problem[] {
  return streams.flatMap(({ tier, headTags }, index) =>
    headTags.flatMap((pattern, at) => {
      const tag =
        tier !== 'mirrored' &&
        tags?.tiers[tier] === 'unique' &&
        COMMITS_ALONE.find((each) => matchesHeadTag(pattern, each));
      if (!tag) return [];
      const message =
        `the pattern matches "${tag}", a commit without a build number. A rebuild of the commit has the same tag: an immutable ` +
        'repository refuses it, and another one takes the tag from the image in use. Let the pipeline push the build number ' +
        'too, and write ^[0-9a-f]{7,40}-[0-9]+$';
      return [{ path: ['streams', index, 'headTags', at], message }];
    }),
  );
}

/** Patchwave only follows what the import pipeline of a mirrored stream pushes. */
function actedOnMirrors({ streams }: Policy): v.Problem[] {
  return streams.flatMap((rule, index) => {
    if (rule.tier !== 'mirrored') return [];
    const fields = (['pipeline', 'parents', 'heads'] as const).filter((field) => rule[field] !== undefined);
    return [...fields, ...(rule.promotes ? ['promotes'] : [])].map((field) => ({
      path: ['streams', index, field],
      message: 'a mirrored stream is never rebuilt, so this has no effect. Remove it',
    }));
  });
}

/** A parent is exactly one release line, so that it is unambiguous. */
function wrongParents({ streams }: Policy): v.Problem[] {
  const rules = new Map(streams.map((rule) => [rule.id, rule]));
  return streams.flatMap(({ id, parents = [] }, index) =>
    parents.flatMap((parent, at) => {
      const message = parentProblem(id, parent, rules);
      return message === undefined ? [] : [{ path: ['streams', index, 'parents', at], message }];
    }),
  );
}

type Rules = ReadonlyMap<string, Policy['streams'][number]>;

function parentProblem(id: string, parent: string, rules: Rules): string | undefined {
  const rule = rules.get(parent);
  if (!rule) return `no rule of \`streams\` has the id "${parent}"`;
  const { tier, repositories, headTags } = rule;
  if (tier === 'application')
    return `"${parent}" has tier application; only a base, a platform or a mirrored stream can be a parent`;
  if (repositories.length > 1 || headTags.length > 1 || repositories[0]?.includes('*'))
    return `"${parent}" names several streams; write a rule with one repository and one head tag for the parent`;
  return leadsTo(parent, id, rules) ? `"${parent}" is itself built on "${id}": \`parents\` form a circle` : undefined;
}

function leadsTo(from: string, wanted: string, rules: Rules): boolean {
  const reached = new Set([from]);
  // The loop also visits elements added during it.
  for (const each of reached) for (const parent of rules.get(each)?.parents ?? []) reached.add(parent);
  return reached.has(wanted);
}
