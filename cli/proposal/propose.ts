import { locationKey, registryKey } from '../../shared/domain/image/image.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { matchesHeadTag } from '../../shared/domain/policy/head-tag.ts';
import {
  type Conclusion,
  type Decided,
  type FleetFacts,
  isDecided,
  type PipelineFact,
  type RepositoryFact,
  type RepositoryImage,
} from './facts.ts';
import { type HeadLine, releaseLines } from './head-tags.ts';
import { FleetLineage } from './lineage.ts';
import { ownerOf } from './owners.ts';
import { Builders } from './pipelines.ts';
import { type ProposedTier, repositoryIn, tiersOf } from './tiers.ts';

/** One proposed stream rule: a repository and its release line, or its release lines. */
export interface ProposedRule {
  readonly id: string;
  readonly repository: RepositoryFact;
  readonly tier: Decided<ProposedTier>;
  readonly lines: Decided<readonly HeadLine[]>;
  readonly owner: Conclusion<string>;
  /** Id of the rule that it is built on. */
  readonly parent: Conclusion<string>;
  readonly pipeline: Conclusion<PipelineFact>;
}

/** A question that a person has to answer. */
export interface OpenQuestion {
  /** ACCOUNT/REGION/REPOSITORY, or what could not be read. */
  readonly resource: string;
  readonly field: 'tier' | 'headTags' | 'owner' | 'parents' | 'pipeline' | 'read';
  readonly reason: string;
}

export interface Proposal {
  readonly rules: readonly ProposedRule[];
  /** Caches, by account: repositories that no pipeline of the accounts builds. */
  readonly mirrors: readonly { readonly account: string; readonly prefix: string }[];
  readonly open: readonly OpenQuestion[];
}

/** Proposes stream rules for what was read. Decides nothing that the facts leave open. */
export function propose(read: FleetFacts): Proposal {
  const facts = { ...read, caches: cachesWithPrefix(read) };
  const repositories = facts.repositories.filter((one) => !isCached(one, facts));
  const lineage = new FleetLineage(repositories);
  const runs = runsOf(facts, repositories);
  const builders = new Builders(facts.pipelines, repositories);
  const tiers = tiersOf(repositories, {
    lineage,
    running: new Set(runs.keys()),
    areRunsComplete: facts.areRunsComplete,
    built: builders.built(repositories),
  });
  const linesOf = new Map(
    repositories.map((one) => [locationKey(one), releaseLines(one.images, runs.get(locationKey(one)) ?? new Set())]),
  );
  const open: OpenQuestion[] = facts.unread.map((reason) => ({ resource: 'account', field: 'read', reason }));
  for (const cache of read.caches.filter(({ prefix }) => prefix === ROOT))
    open.push({ resource: registryKey(cache), field: 'tier', reason: FILLS_ANY });
  const ids = new Ids();
  const drafts = repositories.flatMap((repository): Draft[] => {
    const key = locationKey(repository);
    const ask = (field: OpenQuestion['field'], { reason }: { readonly reason: string }) =>
      open.push({ resource: key, field, reason });
    const tier = tiers.get(key) ?? { reason: 'nothing is known of it' };
    const lines = linesOf.get(key) ?? { reason: 'nothing is known of it' };
    if (!isDecided(tier)) ask('tier', tier);
    if (!isDecided(lines)) ask('headTags', lines);
    if (!isDecided(tier) || !isDecided(lines)) return [];
    // A parent is exactly one release line, so each line of a base or platform has a rule.
    const groups = tier.value === 'application' ? [lines.value] : lines.value.map((line) => [line]);
    return groups.map((group) => ({
      id: ids.of(repository, group.length === 1 ? (group[0]?.name ?? '') : ''),
      ...{ key, repository, tier, owner: ownerOf(repository) },
      lines: { ...lines, value: group },
    }));
  });
  const byKey = Map.groupBy(drafts, ({ key }) => key);
  const byRepository = new Map(repositories.map((one) => [locationKey(one), one]));
  const rules = drafts.map(({ key, ...draft }): ProposedRule => {
    const images = draft.repository.images.filter((image) => isOf(draft.lines.value, image));
    const parent = parentOf(key, images, lineage, byKey, (one, atEpochMs) => {
      const bearing = isSurelyApplication(tiers.get(one)) ? undefined : byRepository.get(one);
      const lines = linesOf.get(one);
      return bearing !== undefined && mayHaveLost(bearing, lines && isDecided(lines) ? lines.value : [], atEpochMs);
    });
    const pipeline = builders.of(
      draft.repository,
      images.map(({ digest }) => digest),
    );
    const ask = (field: OpenQuestion['field'], decision: Conclusion<unknown>) =>
      isDecided(decision) || open.push({ resource: key, field, reason: decision.reason });
    ask('owner', draft.owner);
    if (draft.tier.value !== 'base') ask('parents', parent);
    ask('pipeline', pipeline);
    return { ...draft, parent, pipeline };
  });
  return {
    rules: withoutCircles(rules, open),
    mirrors: uniqueBy(
      facts.caches.map(({ account, prefix }) => ({ account, prefix })),
      ({ account, prefix }) => `${account}/${prefix}`,
    ),
    open,
  };
}

interface Draft extends Omit<ProposedRule, 'parent' | 'pipeline'> {
  readonly key: string;
}

const isSurelyApplication = (tier: Conclusion<ProposedTier> | undefined): boolean =>
  tier !== undefined && isDecided(tier) && tier.value === 'application' && tier.certainty === 'certain';

/** A cache with this prefix fills each repository for which no other cache has one. */
const ROOT = 'ROOT';
const FILLS_ANY =
  'a pull-through cache without a prefix may have filled any repository here; name those that it fills under `mirrors`';

/** ECR takes a prefix with and without the slash at its end for the same. */
const cachesWithPrefix = ({ caches }: FleetFacts): FleetFacts['caches'] =>
  caches
    .filter(({ prefix }) => prefix !== ROOT)
    .map(({ prefix, ...place }) => ({ ...place, prefix: prefix.replace(/\/$/, '') }));

const uniqueBy = <Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly Item[] => [
  ...new Map(items.map((item) => [keyOf(item), item])).values(),
];

const isCached = (one: RepositoryFact, { caches }: FleetFacts): boolean =>
  caches.some((cache) => registryKey(cache) === registryKey(one) && one.repository.startsWith(`${cache.prefix}/`));

/** By repository, the tags by which workloads run its images; none where they run them by digest. */
function runsOf(facts: FleetFacts, repositories: readonly RepositoryFact[]): ReadonlyMap<string, ReadonlySet<string>> {
  const holders = new Map<string, string[]>();
  for (const one of repositories)
    for (const { digest, children = [] } of one.images)
      for (const each of [digest, ...children.map((child) => child.digest)])
        holders.set(each, [...(holders.get(each) ?? []), locationKey(one)]);
  const known = new Set(repositories.map(locationKey));
  const found = new Map<string, Set<string>>();
  const add = (key: string, tag: string | undefined) => {
    const tags = found.get(key) ?? new Set();
    found.set(key, tags);
    if (tag !== undefined) tags.add(tag);
  };
  for (const { reference: text, digest } of facts.runs) {
    const reference = readImageReference(text);
    const key = reference?.location && locationKey(reference.location);
    if (key !== undefined && known.has(key)) add(key, reference?.digest === undefined ? reference?.tag : undefined);
    // A container that names no repository of ours may still run an image of one, by its digest.
    else if (digest !== undefined && reference === undefined)
      for (const holder of holders.get(digest) ?? []) add(holder, undefined);
  }
  return found;
}

const isOf = (lines: readonly HeadLine[], { tags }: RepositoryImage): boolean =>
  tags.some((tag) => lines.some((line) => belongsTo(line, tag)));

/** The head tag itself, and the tags of builds that begin with it: `12` and `12-17`. */
const belongsTo = ({ pattern, name }: HeadLine, tag: string): boolean =>
  matchesHeadTag(pattern, tag) || (name !== '' && (tag.startsWith(`${name}-`) || tag.startsWith(`${name}.`)));

/** @param images of one release line, newest first */
function parentOf(
  key: string,
  images: readonly RepositoryImage[],
  lineage: FleetLineage,
  rules: ReadonlyMap<string, readonly Draft[]>,
  mayHaveLostOf: (key: string, atEpochMs: number) => boolean,
): Conclusion<string> {
  const [newest] = images;
  const on = newest && lineage.builtOn(key, newest);
  if (!newest || !on) return { reason: 'the content of its newest image shows no parent, and no label names one' };
  if (on.repository === undefined) return { reason: `its parent ${on.digest.slice(0, 19)} is in several repositories` };
  const name = repositoryIn(on.repository);
  const candidates = (rules.get(on.repository) ?? []).filter(({ tier }) => tier.value !== 'application');
  if (candidates.length === 0) return { reason: `it is built on ${name}, for which no base or platform is proposed` };
  const rule = lineOf(candidates, on.digest);
  if (!rule) return { reason: `it is built on ${name}, but not known on which of its release lines` };
  const pushedAtEpochMs = newest.pushedAtEpochMs ?? Number.POSITIVE_INFINITY;
  const between = lineage.otherDescendants(key, on.repository).filter((one) => mayHaveLostOf(one, pushedAtEpochMs));
  const evidence = `its newest image is built on ${on.digest.slice(0, 19)} of ${name}, by ${on.evidence}`;
  if (between.length > 0)
    return { reason: `${evidence}; but a deleted image of ${repositoryIn(between[0] ?? '')} may be between them` };
  return { value: rule.id, certainty: on.isShown ? 'certain' : 'likely', evidence };
}

/**
 * Whether a repository may have lost an image that was there at an instant: it existed, and one of its release lines has
 * no image as old as that.
 */
function mayHaveLost(
  { createdAtEpochMs = 0, images }: RepositoryFact,
  lines: readonly HeadLine[],
  atEpochMs: number,
): boolean {
  if (createdAtEpochMs > atEpochMs) return false;
  // An image that was not read does not show what is built on it.
  const isOld = ({ pushedAtEpochMs = Number.POSITIVE_INFINITY, content, children }: RepositoryImage) =>
    (content !== undefined || children !== undefined) && pushedAtEpochMs <= atEpochMs;
  // Of a single line older builds need not have a tag that shows it.
  if (lines.length <= 1) return !images.some(isOld);
  return lines.some((line) => !images.some((image) => isOf([line], image) && isOld(image)));
}

/** The rule of the only line, or of the line that has the image. */
function lineOf(candidates: readonly Draft[], digest: string): Draft | undefined {
  const [only, ...others] = candidates;
  if (others.length === 0) return only;
  const withImage = candidates.filter(({ repository, lines }) =>
    repository.images.some(
      (image) =>
        isOf(lines.value, image) &&
        (image.digest === digest || image.children?.some((child) => child.digest === digest)),
    ),
  );
  return withImage.length === 1 ? withImage[0] : undefined;
}

/** The policy refuses a circle of declared parents; content of different ages can show one. */
function withoutCircles(rules: readonly ProposedRule[], open: OpenQuestion[]): readonly ProposedRule[] {
  const parents = new Map<string, string>();
  return rules.map((rule) => {
    if (!isDecided(rule.parent)) return rule;
    let above: string | undefined = rule.parent.value;
    while (above !== undefined && above !== rule.id) above = parents.get(above);
    if (above === undefined) {
      parents.set(rule.id, rule.parent.value);
      return rule;
    }
    const reason = `${rule.parent.evidence}; but that rule is built on this one`;
    open.push({ resource: locationKey(rule.repository), field: 'parents', reason });
    return { ...rule, parent: { reason } };
  });
}

const LONGEST_ID = 63;

/** Unique ids of rules, made of repository and release line. */
class Ids {
  readonly #taken = new Set<string>(['no-critical', 'high-within-a-week']);

  of({ repository, account, region }: RepositoryFact, line: string): string {
    const slug = (text: string) =>
      text
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, '-')
        .replaceAll(/^-|-$/g, '');
    const base = [repository, line].filter(Boolean).map(slug).join('-').slice(0, LONGEST_ID);
    const candidates = [base, `${base.slice(0, 30)}-${account}`, `${base.slice(0, 30)}-${account}-${region}`];
    let id = candidates.find((one) => !this.#taken.has(one));
    for (let count = 2; id === undefined || this.#taken.has(id); count += 1) id = `${base.slice(0, 50)}-${count}`;
    this.#taken.add(id);
    return id;
  }
}
