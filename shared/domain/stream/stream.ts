import { compareTexts } from '../common/compare-texts.ts';
import { matchesAnyGlob } from '../common/glob.ts';
import { type ImageLocation, locationKey, registryKey } from '../image/image.ts';
import { CANDIDATE, matchesHeadTag } from '../policy/head-tag.ts';
import type { Policy, StreamRule } from '../policy/policy.ts';

/** One release line of one repository, as a rule of the policy names it. */
export interface ReleaseLine {
  readonly rule: StreamRule;
  /** The pattern of its head tags. */
  readonly headTag: string;
  /** What its streams are called: the pattern, unless the rule keeps another name. */
  readonly name: string;
}

/** The id of a stream. It is stable: an edit of the pattern keeps the name of the release line (`keepStreamNames`). */
export const streamId = (location: ImageLocation, name: string): string => `${locationKey(location)}:${name}`;

/** The release lines of rules, in their order. */
export const linesOf = (rules: readonly StreamRule[]): ReleaseLine[] =>
  rules.flatMap((rule) => rule.headTags.map((headTag) => ({ rule, headTag, name: rule.names?.[headTag] ?? headTag })));

/** The streams that the policy names in a repository, each once. */
export const streamsAt = (policy: Policy, location: ImageLocation): string[] => [
  ...new Set(linesOf(streamRulesOf(policy, location)).map(({ name }) => streamId(location, name))),
];

/** The release line of a stream; `undefined` if the policy no longer names the stream. */
export function lineOf(policy: Policy, stream: string): ReleaseLine | undefined {
  const { location, name } = parseStreamId(stream);
  return linesOf(streamRulesOf(policy, location)).find((line) => line.name === name);
}

/** The rules that name a repository, in the order of the policy. A review asks it for each image, and a policy may have thousands. */
export function streamRulesOf({ streams }: Pick<Policy, 'streams'>, location: ImageLocation): StreamRule[] {
  const { repository } = location;
  const rules = rulesOf(streams).get(registryKey(location));
  if (!rules) return [];
  const near = [rules.byName.get(repository), rules.byFolder.get(folderOf(repository)), rules.others];
  return near
    .flatMap((some) => some ?? [])
    .filter(({ rule: { repositories } }) => matchesAnyGlob(repositories, repository))
    .filter(({ rule }, at, all) => all.findIndex((one) => one.rule === rule) === at)
    .sort((one, other) => one.at - other.at)
    .map(({ rule }) => rule);
}

interface PlacedRule {
  readonly rule: StreamRule;
  /** Its place in the policy. */
  readonly at: number;
}

/** The rules of one registry, by what a repository must be called to match one of their patterns. */
interface RegistryRules {
  readonly byName: Map<string, PlacedRule[]>;
  /** Of patterns whose first folder is plain text. */
  readonly byFolder: Map<string, PlacedRule[]>;
  readonly others: PlacedRule[];
}

/** The index of a list of rules, made once: a list is never changed. */
const INDEXED = new WeakMap<readonly StreamRule[], ReadonlyMap<string, RegistryRules>>();

function rulesOf(streams: readonly StreamRule[]): ReadonlyMap<string, RegistryRules> {
  const known = INDEXED.get(streams);
  if (known) return known;
  const index = new Map<string, RegistryRules>();
  for (const [at, rule] of streams.entries())
    for (const region of rule.regions) {
      const key = registryKey({ account: rule.account, region });
      const rules = index.get(key) ?? { byName: new Map(), byFolder: new Map(), others: [] };
      index.set(key, rules);
      for (const pattern of rule.repositories) listFor(rules, pattern).push({ rule, at });
    }
  INDEXED.set(streams, index);
  return index;
}

function listFor({ byName, byFolder, others }: RegistryRules, pattern: string): PlacedRule[] {
  const star = pattern.indexOf('*');
  if (star < 0) return inMap(byName, pattern);
  const slash = pattern.indexOf('/');
  return slash >= 0 && slash < star ? inMap(byFolder, folderOf(pattern)) : others;
}

/** What is before the first slash, and that. */
const folderOf = (repository: string): string => repository.slice(0, repository.indexOf('/') + 1);

function inMap(map: Map<string, PlacedRule[]>, key: string): PlacedRule[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}

/**
 * The release line that made an image, from its tags. Tags of one build are aliases; the least specific head tag names
 * the line. Without tags (pinned by digest, or the tags have moved), the line is unknown, unless the repository has
 * only one. A candidate is no head tag, even if it matches the pattern.
 */
export function releaseLineOf(
  rules: readonly StreamRule[],
  tags: readonly string[] | undefined,
): ReleaseLine | undefined {
  const lines = linesOf(rules);
  if (tags === undefined || tags.length === 0) return lines.length === 1 ? lines[0] : undefined;
  for (const tag of tags.filter((each) => !isCandidate(rules, each)).sort(bySpecificity)) {
    const line = lines.find(({ headTag }) => matchesHeadTag(headTag, tag));
    if (line) return line;
  }
  return undefined;
}

/** Whether a tag of a repository is a candidate for a head tag, which moves once the image is verified. */
export function isCandidate(rules: readonly StreamRule[], tag: string): boolean {
  if (!tag.endsWith(CANDIDATE)) return false;
  const headTag = tag.slice(0, -CANDIDATE.length);
  return rules.some(
    ({ promotes, headTags }) => promotes && headTags.some((pattern) => matchesHeadTag(pattern, headTag)),
  );
}

/** Like `releaseLineOf`; a candidate belongs to its line before it is a head of it. */
export function makingLineOf(
  rules: readonly StreamRule[],
  tags: readonly string[] | undefined,
): ReleaseLine | undefined {
  const candidates = (tags ?? [])
    .filter((tag) => tag.endsWith(CANDIDATE))
    .map((tag) => tag.slice(0, -CANDIDATE.length));
  const line = releaseLineOf(rules, tags);
  if (line || candidates.length === 0) return line;
  return releaseLineOf(
    rules.filter(({ promotes }) => promotes),
    candidates,
  );
}

/** `22` before `22.8` before `22.8.0`: fewer parts first, then shorter, then alphabetical. */
function bySpecificity(one: string, other: string): number {
  return parts(one) - parts(other) || one.length - other.length || compareTexts(one, other);
}

const parts = (tag: string): number => tag.split(/[._-]/).length;

/** The parts of a stream's id; a repository's name has no colon. */
export function parseStreamId(stream: string): { readonly location: ImageLocation; readonly name: string } {
  const colon = stream.indexOf(':');
  const [account = '', region = '', ...repository] = stream.slice(0, colon).split('/');
  return { location: { account, region, repository: repository.join('/') }, name: stream.slice(colon + 1) };
}
