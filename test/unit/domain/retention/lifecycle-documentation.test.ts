import type { Digest } from '../../../../shared/domain/image/image.ts';
import type { ImageForecast } from '../../../../shared/domain/retention/image-forecast.ts';
import { LifecycleForecast, type ListedArtifact } from '../../../../shared/domain/retention/lifecycle-forecast.ts';
import { readLifecyclePolicy } from '../../../../shared/domain/retention/lifecycle-policy.ts';
import { DAY_MS, digestOf, NOON_EPOCH_MS as NOW } from '../../../support/samples.ts';

/*
 * What Amazon ECR documents, sentence by sentence, as cases:
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html (evaluation rules),
 * .../lifecycle_policy_parameters.html, .../lifecycle_policy_examples.html, .../archive-image.html, .../restore-image.html
 */

/** Days ago; a name in `in` is an index that holds the image. */
interface Stored {
  readonly tags?: readonly string[];
  readonly pushed: number;
  readonly pulled?: number;
  readonly archived?: number;
  readonly restored?: number;
  readonly in?: readonly string[];
}

const tagged = (...tagPatternList: readonly string[]) => ({ tagStatus: 'tagged', tagPatternList });
const prefixed = (...tagPrefixList: readonly string[]) => ({ tagStatus: 'tagged', tagPrefixList });
const UNTAGGED = { tagStatus: 'untagged' };
const ANY = { tagStatus: 'any' };
const moreThan = (countNumber: number) => ({ countType: 'imageCountMoreThan', countNumber });
const since = (countType: string, countNumber: number) => ({ countType, countUnit: 'days', countNumber });
const pushedSince = (days: number) => since('sinceImagePushed', days);
const pulledSince = (days: number) => since('sinceImagePulled', days);
const transitionedSince = (days: number) => ({ ...since('sinceImageTransitioned', days), storageClass: 'archive' });
const expire = (...selection: readonly object[]) => ({
  selection: Object.assign({}, ...selection),
  action: { type: 'expire' },
});
const archive = (...selection: readonly object[]) => ({
  selection: Object.assign({}, ...selection),
  action: { type: 'transition', targetStorageClass: 'archive' },
});

const daysAgo = (days: number) => NOW - days * DAY_MS;

function forecastsOf(rules: readonly object[], stored: Readonly<Record<string, Stored>>): Record<string, string> {
  const numbered = rules.map((rule, at) => ({ rulePriority: at + 1, ...rule }));
  const policy = readLifecyclePolicy(JSON.stringify({ rules: numbered }));
  if (!policy.rules) throw new Error(policy.problem);
  const names = Object.keys(stored);
  const images = Object.entries(stored).map(
    ([name, { tags = [], pushed, pulled, archived, restored }]): ListedArtifact => ({
      ...{ digest: digestOf(name), tags, pushedAtEpochMs: daysAgo(pushed), archived: archived !== undefined },
      ...(pulled !== undefined && { pulledAtEpochMs: daysAgo(pulled) }),
      ...(archived !== undefined && { archivedAtEpochMs: daysAgo(archived) }),
      ...(restored !== undefined && { restoredAtEpochMs: daysAgo(restored) }),
      isIndex: names.some((other) => stored[other]?.in?.includes(name)),
    }),
  );
  const holders = new Map<Digest, readonly Digest[]>(
    Object.entries(stored).map(([name, image]) => [digestOf(name), (image.in ?? []).map(digestOf)]),
  );
  const forecast = new LifecycleForecast({ rules: policy.rules, images, holders, moves: () => false, nowEpochMs: NOW });
  return Object.fromEntries(names.map((name) => [name, textOf(forecast.forecastOf(digestOf(name)))]));
}

function textOf(expiryState: ImageForecast | undefined): string {
  if (expiryState?.state !== 'expires') return expiryState?.state ?? 'not there';
  const { rule, action, when } = expiryState.expiry;
  if (!('expiresAtEpochMs' in when)) return `rule ${rule}: ${action} after ${when.afterPushes}`;
  const days = (when.expiresAtEpochMs - NOW) / DAY_MS;
  return `rule ${rule}: ${action} ${days <= 0 ? 'now' : `in ${days}`}`;
}

type Case = readonly [string, readonly object[], Readonly<Record<string, Stored>>, Readonly<Record<string, string>>];

const PRODS = {
  A: { tags: ['beta-1', 'prod-1'], pushed: 10 },
  B: { tags: ['beta-2', 'prod-2'], pushed: 9 },
  C: { tags: ['beta-3'], pushed: 8 },
};

const EXAMPLES: readonly Case[] = [
  [
    'filtering on image age',
    [expire(tagged('prod*'), pushedSince(14))],
    {
      old: { tags: ['prod1'], pushed: 15 },
      young: { tags: ['production-team1'], pushed: 4 },
      other: { tags: ['dev'], pushed: 99 },
    },
    { old: 'rule 1: expire now', young: 'rule 1: expire in 10', other: 'kept' },
  ],
  [
    'filtering on the last pull',
    [archive(ANY, pulledSince(90))],
    { pulled: { pushed: 100, pulled: 1 }, forgotten: { pushed: 200, pulled: 91 } },
    { pulled: 'rule 1: archive in 89', forgotten: 'rule 1: archive now' },
  ],
  [
    'filtering on the time in the archive',
    [expire(ANY, transitionedSince(365))],
    { archived: { pushed: 900, archived: 364 }, standard: { pushed: 900 } },
    { archived: 'rule 1: expire in 1', standard: 'kept' },
  ],
  [
    'filtering on image count',
    [expire(UNTAGGED, moreThan(1))],
    { old: { pushed: 2 }, young: { pushed: 1 }, named: { tags: ['a'], pushed: 9 } },
    { old: 'rule 1: expire now', young: 'rule 1: expire after 1', named: 'kept' },
  ],
  [
    'multiple rules A: what the first rule leaves the second may not take',
    [expire(tagged('prod*'), moreThan(1)), expire(tagged('beta*'), moreThan(1))],
    PRODS,
    { A: 'rule 1: expire now', B: 'rule 1: expire after 1', C: 'rule 2: expire after 1' },
  ],
  [
    'multiple rules B: the other way round',
    [expire(tagged('beta*'), moreThan(1)), expire(tagged('prod*'), moreThan(1))],
    PRODS,
    { A: 'rule 1: expire now', B: 'rule 1: expire now', C: 'rule 1: expire after 1' },
  ],
  [
    'multiple tags A: an image has all of them',
    [expire(tagged('alpha*', 'beta*'), pushedSince(5))],
    {
      ...{ A: { tags: ['alpha-1'], pushed: 12 }, B: { tags: ['beta-1'], pushed: 11 } },
      ...{ C: { tags: ['alpha-2', 'beta-2'], pushed: 10 }, F: { tags: ['alpha-4', 'beta-4'], pushed: 2 } },
    },
    { A: 'kept', B: 'kept', C: 'rule 1: expire now', F: 'rule 1: expire in 3' },
  ],
  [
    'multiple tags B: further tags do not matter',
    [expire(tagged('alpha*', 'beta*'), moreThan(1))],
    {
      A: { tags: ['alpha-1', 'beta-1', 'gamma-1'], pushed: 10 },
      B: { tags: ['alpha-2', 'beta-2'], pushed: 9 },
      C: { tags: ['alpha-3', 'beta-3', 'gamma-2'], pushed: 8 },
    },
    { A: 'rule 1: expire now', B: 'rule 1: expire now', C: 'rule 1: expire after 1' },
  ],
  [
    'all images A: one is left',
    [expire(ANY, moreThan(1))],
    {
      ...{ A: { tags: ['alpha-1'], pushed: 4 }, B: { tags: ['beta-1'], pushed: 3 } },
      ...{ C: { pushed: 2 }, D: { tags: ['alpha-2'], pushed: 1 } },
    },
    { A: 'rule 1: expire now', B: 'rule 1: expire now', C: 'rule 1: expire now', D: 'rule 1: expire after 1' },
  ],
  [
    'all images B: each rule counts what the others claim',
    [expire(tagged('alpha*'), moreThan(1)), expire(UNTAGGED, pushedSince(1)), expire(ANY, moreThan(1))],
    {
      ...{ A: { tags: ['alpha-1', 'beta-1'], pushed: 4 }, B: { pushed: 3 }, C: { tags: ['alpha-2'], pushed: 2 } },
      ...{ D: { tags: ['git-hash'], pushed: 1 }, E: { pushed: 0.5 } },
    },
    {
      ...{ A: 'rule 1: expire now', B: 'rule 2: expire now', C: 'rule 1: expire after 1' },
      ...{ D: 'rule 3: expire now', E: 'rule 2: expire in 0.5' },
    },
  ],
  [
    'archiving by age, and deleting from the archive',
    [archive(tagged('prod*'), pushedSince(30)), expire(ANY, transitionedSince(365))],
    { young: { tags: ['prod-1'], pushed: 20 }, archived: { tags: ['prod-2'], pushed: 500, archived: 300 } },
    { young: 'rule 1: archive in 10', archived: 'rule 2: expire in 65' },
  ],
];

const EVALUATION: readonly Case[] = [
  [
    'an image that matches the tags of a rule is taken by no rule with a lower priority',
    [expire(tagged('v*'), pushedSince(365)), expire(ANY, pushedSince(1))],
    { named: { tags: ['v1'], pushed: 30 }, other: { tags: ['w1'], pushed: 30 } },
    { named: 'rule 1: expire in 335', other: 'rule 2: expire now' },
  ],
  [
    'an image in a manifest list goes after the list is deleted',
    [expire(tagged('v*'), pushedSince(30)), expire(UNTAGGED, pushedSince(1))],
    { list: { tags: ['v1'], pushed: 20 }, image: { pushed: 20, in: ['list'] } },
    { list: 'rule 1: expire in 10', image: 'rule 1: expire in 10' },
  ],
  [
    'or archived',
    [archive(tagged('v*'), pushedSince(30)), expire(UNTAGGED, pushedSince(1))],
    {
      ...{ list: { tags: ['v1'], pushed: 20 }, image: { pushed: 20, in: ['list'] } },
      ...{ gone: { tags: ['v0'], pushed: 60, archived: 10 }, left: { pushed: 60, in: ['gone'] } },
    },
    { list: 'rule 1: archive in 10', image: 'rule 1: archive in 10', gone: 'kept', left: 'rule 2: expire now' },
  ],
  [
    'older images go before newer ones; one that was restored counts from then',
    [expire(ANY, moreThan(1))],
    { restored: { pushed: 90, restored: 1 }, young: { pushed: 2 } },
    { restored: 'rule 1: expire after 1', young: 'rule 1: expire now' },
  ],
  [
    'by age, too',
    [expire(ANY, pushedSince(30))],
    { restored: { pushed: 90, restored: 1 } },
    { restored: 'rule 1: expire in 29' },
  ],
  [
    'a pattern matches anywhere that its wildcards leave open',
    [expire(tagged('*prod*'), pushedSince(30))],
    {
      ...{ a: { tags: ['repo-production'], pushed: 1 }, b: { tags: ['prod-team'], pushed: 1 } },
      c: { tags: ['pro-d'], pushed: 1 },
    },
    { a: 'rule 1: expire in 29', b: 'rule 1: expire in 29', c: 'kept' },
  ],
  [
    'without a wildcard it matches that tag alone',
    [expire(tagged('prod'), pushedSince(30))],
    { a: { tags: ['prod'], pushed: 1 }, b: { tags: ['prod1'], pushed: 1 } },
    { a: 'rule 1: expire in 29', b: 'kept' },
  ],
  [
    'all prefixes of a list are matched, each by any tag',
    [expire(prefixed('a', 'b'), pushedSince(30))],
    {
      both: { tags: ['a1', 'b1'], pushed: 1 },
      one: { tags: ['a2', 'a3'], pushed: 1 },
      same: { tags: ['ab'], pushed: 1 },
    },
    { both: 'rule 1: expire in 29', one: 'kept', same: 'kept' },
  ],
  [
    'what was never pulled counts from its push; what was not pulled since it was restored, from then',
    [archive(ANY, pulledSince(60))],
    {
      ...{ never: { pushed: 59 }, restored: { pushed: 300, restored: 2 } },
      ...{ before: { pushed: 300, pulled: 100, restored: 50 }, since: { pushed: 300, restored: 50, pulled: 10 } },
    },
    {
      ...{ never: 'rule 1: archive in 1', restored: 'rule 1: archive in 58' },
      ...{ before: 'rule 1: archive in 10', since: 'rule 1: archive in 50' },
    },
  ],
  [
    'a rule selects images of its storage class only, and standard is the default',
    [expire(ANY, { storageClass: 'standard' }, pushedSince(30)), expire(ANY, transitionedSince(90))],
    { standard: { pushed: 10 }, archived: { pushed: 400, archived: 80 } },
    { standard: 'rule 1: expire in 20', archived: 'rule 2: expire in 10' },
  ],
  [
    'so a rule that counts does not count what is archived',
    [archive(ANY, moreThan(1))],
    { archived: { pushed: 1, archived: 0 }, standard: { pushed: 5 } },
    { archived: 'kept', standard: 'rule 1: archive after 1' },
  ],
  [
    'signatures and what else has no tag count as images',
    [expire(UNTAGGED, moreThan(1))],
    { image: { pushed: 5 }, signature: { pushed: 4 } },
    { image: 'rule 1: expire now', signature: 'rule 1: expire after 1' },
  ],
];

describe.each([
  ['examples', EXAMPLES],
  ['evaluation rules', EVALUATION],
])('as ECR documents it, %s', (_, cases) => {
  test.each(cases)('%s', (_, rules, stored, expected) => expect(forecastsOf(rules, stored)).toEqual(expected));
});
