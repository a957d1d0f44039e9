import { CANDIDATE, matchesHeadTag } from '../../shared/domain/policy/head-tag.ts';
import { isCommitAlone, isCommitAndBuild } from '../../shared/domain/policy/tag-scheme.ts';
import type { Conclusion, RepositoryImage } from './facts.ts';

/** One release line of a repository: the pattern of its head tags. */
export interface HeadLine {
  readonly pattern: string;
  /** What distinguishes it from the other lines of the repository; empty for the only one. */
  readonly name: string;
}

/** Tags that each build moves. */
const MOVING = /^(?:latest|stable|main|master|prod|production|release|live|current|lts|edge)$/;
const VERSION = /^v?\d{1,3}(?:\.\d{1,3})?(?:-[a-z]+)?$/;

/** Tags that each build makes anew. The first that fits counts. */
const UNIQUE: readonly { readonly pattern: string; readonly is: (tag: string) => boolean }[] = [
  {
    pattern: '^[0-9a-f]{7,40}-[0-9]+$',
    is: (tag) => /^[0-9a-f]/.test(tag) && isCommitAndBuild(tag) && !tag.includes('.'),
  },
  { pattern: '^(main|master)-[0-9a-f]{7,40}-[0-9]+$', is: () => true },
  { pattern: '^v?[0-9]+[.][0-9]+[.][0-9]+$', is: () => true },
  { pattern: '^20[0-9]{6}([.-][0-9]+)?$', is: () => true },
  { pattern: '^build-[0-9]+$', is: () => true },
  { pattern: '^[0-9a-f]{7,40}$', is: isCommitAlone },
];

/**
 * The release lines of a repository: a tag that moves with each build is a line; without one, the tags that each build
 * makes are.
 * @param images newest first
 * @param running tags by which workloads run its images
 */
export function releaseLines(
  images: readonly RepositoryImage[],
  running: ReadonlySet<string>,
): Conclusion<readonly HeadLine[]> {
  const tags = new Set(images.flatMap((image) => image.tags));
  if (tags.size === 0) return { reason: 'none of its images has a tag' };
  // A candidate is pushed to become a head, and is none itself.
  const heads = [...tags].filter((tag) => !tag.endsWith(CANDIDATE));
  const named = heads.filter((tag) => MOVING.test(tag));
  const run = named.filter((tag) => running.has(tag));
  if (run.length > 0)
    return {
      value: linesOf(run),
      certainty: 'certain',
      evidence: `workloads run ${list(run)}, which each build moves`,
    };
  const versions = coarsest(heads.filter((tag) => VERSION.test(tag)));
  if (versions.length > 0) {
    const moves = versions.every((tag) => heads.some((one) => one.startsWith(`${tag}-`) || one.startsWith(`${tag}.`)));
    return {
      value: linesOf(versions),
      certainty: moves ? 'certain' : 'likely',
      evidence: moves
        ? `${list(versions)}: other tags begin with it, one for each build`
        : `${list(versions)} has the form of a version that moves`,
    };
  }
  const holders = new Set(
    images.filter((image) => image.tags.some((tag) => named.includes(tag))).map(({ digest }) => digest),
  );
  const [only] = named;
  if (only !== undefined && holders.size === 1)
    return { value: linesOf([only]), certainty: 'likely', evidence: `${only} has the name of a tag that moves` };
  if (named.length > 1) return { reason: `${list(named)} are on different images, and no workload runs one of them` };
  return uniqueLine(images);
}

function uniqueLine(images: readonly RepositoryImage[]): Conclusion<readonly HeadLine[]> {
  const tagged = images.filter((image) => image.tags.length > 0);
  const [newest] = tagged;
  for (const { pattern, is } of UNIQUE) {
    const fits = (image: RepositoryImage) => image.tags.some((tag) => matchesHeadTag(pattern, tag) && is(tag));
    const fitting = tagged.filter(fits).length;
    if (!newest || !fits(newest) || fitting * 5 < tagged.length * 4) continue;
    return {
      value: [{ pattern, name: '' }],
      certainty: fitting === tagged.length ? 'certain' : 'likely',
      evidence: `${fitting} of ${tagged.length} images with a tag have one of this form`,
    };
  }
  return { reason: `its tags have no common form: ${list((newest?.tags ?? []).slice(0, 3))}` };
}

/** `12.9` is in the line of `12`. */
function coarsest(versions: readonly string[]): readonly string[] {
  return versions
    .filter((tag) => !versions.some((other) => other !== tag && tag.startsWith(`${other}.`)))
    .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
}

const linesOf = (tags: readonly string[]): readonly HeadLine[] =>
  tags.map((tag) => ({ pattern: `^${tag.replaceAll('.', '[.]')}$`, name: tags.length > 1 ? tag : '' }));

const list = (tags: readonly string[]): string => [...tags].sort().join(', ');
