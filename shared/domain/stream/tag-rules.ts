import { compareTexts } from '../common/compare-texts.ts';
import { matchesAnyGlob } from '../common/glob.ts';
import type { Digest, Tier } from '../image/image.ts';
import type { Policy, StreamRule } from '../policy/policy.ts';
import {
  DEFAULT_TAG_SCHEMES,
  hasDigitsAsCommit,
  isCommitAlone,
  isCommitAndBuild,
  type TagScheme,
} from '../policy/tag-scheme.ts';
import { isCandidate, releaseLineOf } from './stream.ts';

/** What is wrong with a tag. */
export type TagProblem =
  /** It names another image than the newest version below it, so a build moved only some of its tags. */
  | { readonly kind: 'left-behind'; readonly newest: string }
  /** It names a commit and no build: a rebuild of that commit has no tag of its own. */
  | { readonly kind: 'no-build-number' }
  /** Seven or eight digits are where the commit should be, so it may be a date. */
  | { readonly kind: 'digits-alone' }
  /** It names no commit, so another build may take it. */
  | { readonly kind: 'no-commit' };

export interface JudgedTag {
  readonly tag: string;
  readonly digest: Digest;
  readonly tier: Tier;
  readonly problem?: TagProblem;
}

/**
 * Judges the tags of one repository by the scheme of their tier. Candidates and tags of referrers are left out, and tags
 * of a tier without a scheme.
 * @param rules the rules of `streams` that name the repository
 * @param named every tag that Patchwave did not set, with the image or index that it names
 */
export function judgeTags(
  policy: Pick<Policy, 'tags'>,
  rules: readonly StreamRule[],
  named: ReadonlyMap<string, Digest>,
): readonly JudgedTag[] {
  const schemes: { readonly [One in StreamRule['tier']]?: TagScheme | undefined } =
    policy.tags?.tiers ?? DEFAULT_TAG_SCHEMES;
  const tierOf = (tag: string) => (releaseLineOf(rules, [tag])?.rule ?? rules[0])?.tier;
  const judged = [...named].flatMap(([tag, digest]) => {
    const tier = tierOf(tag);
    if (tier === undefined || isCandidate(rules, tag) || isReferrerTag(tag)) return [];
    const scheme = schemes[tier];
    return scheme === undefined ? [] : [{ tag, digest, tier, scheme }];
  });
  const versions = judged.filter(({ scheme }) => scheme === 'versions');
  const unmovedTags = unmovedTagsIn(new Map(versions.map(({ tag, digest }) => [tag, digest])));
  return judged
    .map(({ scheme, ...one }) => ({ ...one, problem: tagProblem(scheme, one.tag, unmovedTags.get(one.tag)) }))
    .map(({ problem, ...one }) => ({ ...one, ...(problem && { problem }) }))
    .sort((one, other) => compareTexts(one.tag, other.tag));
}

/**
 * What cosign, notation and others push beside an image, such as a signature: the tag names the digest of the image.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export const isReferrerTag = (tag: string): boolean => /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/.test(tag);

/** @param newest the newest version below the tag, if the tag names another image than that one */
export function tagProblem(scheme: TagScheme, tag: string, newest?: string): TagProblem | undefined {
  if (scheme === 'versions') return newest === undefined ? undefined : { kind: 'left-behind', newest };
  if (isCommitAndBuild(tag)) return undefined;
  if (isCommitAlone(tag)) return { kind: 'no-build-number' };
  return { kind: hasDigitsAsCommit(tag) ? 'digits-alone' : 'no-commit' };
}

/**
 * The tags that a build left behind, with the newest version below each.
 * @param named tags of one repository, with the image or index that each names
 */
export function unmovedTagsIn(named: ReadonlyMap<string, Digest>): ReadonlyMap<string, string> {
  const below = [...newestBelow([...named.keys()])];
  return new Map(below.filter(([tag, newest]) => named.has(tag) && named.get(tag) !== named.get(newest)));
}

/** `v14.9.0-slim`: what comes before the version, its parts, and what follows. Other tags are no versions. */
const VERSION = /^(v?)(\d+(?:\.\d+)*)((?![\d.]).*)$/;

interface Version {
  readonly tag: string;
  readonly parts: readonly string[];
}

/** By tag its newest version: `14.9.1` for `14` and for `14.9`, if these are all. Tags without a version below are left out. */
function newestBelow(tags: readonly string[]): ReadonlyMap<string, string> {
  const newest = new Map<string, Version>();
  for (const tag of tags) {
    const [, before = '', version, after = ''] = VERSION.exec(tag) ?? [];
    if (version === undefined) continue;
    const parts = version.split('.');
    for (let length = 1; length < parts.length; length += 1) {
      const above = `${before}${parts.slice(0, length).join('.')}${after}`;
      const known = newest.get(above);
      if (!known || isNewer({ tag, parts }, known)) newest.set(above, { tag, parts });
    }
  }
  return new Map([...newest].map(([above, { tag }]) => [above, tag]));
}

/** `14.10` after `14.9.5`; `14.9.0` after `14.9`, because it names one build. */
function isNewer(one: Version, other: Version): boolean {
  const length = Math.max(one.parts.length, other.parts.length);
  for (let at = 0; at < length; at += 1) {
    const difference = Number(one.parts[at] ?? -1) - Number(other.parts[at] ?? -1);
    if (difference !== 0) return difference > 0;
  }
  return compareTexts(one.tag, other.tag) > 0;
}

/** Whether a registry refuses to move a tag: ECR has exceptions in both directions. */
export interface TagMutability {
  readonly isImmutable: boolean;
  /** Patterns of tags for which the opposite holds. */
  readonly except: readonly string[];
}

export const mayMove = ({ isImmutable, except }: TagMutability, tag: string): boolean =>
  matchesAnyGlob(except, tag) === isImmutable;

/** The problem in words with its next step. The mutability is absent if it is not known. */
export function tagProblemText(
  tag: string,
  problem: TagProblem,
  mutability?: TagMutability,
): { readonly text: string; readonly next: string } {
  const isFixed = mutability !== undefined && !mayMove(mutability, tag);
  switch (problem.kind) {
    case 'left-behind':
      return {
        text: `names another image than ${problem.newest}, so a build moved only some of its tags`,
        next: isFixed
          ? `let the repository move it: exclude it from tag immutability, then push it to the image of ${problem.newest}`
          : `push it to the image of ${problem.newest}, and let the pipeline push all tags of a build`,
      };
    case 'no-build-number':
      return {
        text: isFixed
          ? 'names a commit and no build, and the repository is immutable: a rebuild of the commit cannot be pushed'
          : 'names a commit and no build: a rebuild of the commit takes the tag from the image in use',
        next: COMMIT_AND_BUILD,
      };
    case 'digits-alone':
      return {
        text: 'has 7 or 8 digits and no letter where its commit should be, so they may be a date',
        next: 'let the pipeline push a tag with 12 characters of the commit and the build number, such as 0a1b2c3d4e5f-17',
      };
    case 'no-commit':
      return { text: 'names no commit and build, so it does not say which build it is', next: COMMIT_AND_BUILD };
  }
}

const COMMIT_AND_BUILD = 'let the pipeline push a tag with the commit and the build number, such as 0a1b2c3-17';
