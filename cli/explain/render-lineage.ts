import type { OldestBelow } from '../../shared/domain/age/image-lineage.ts';
import { instant } from '../../shared/domain/common/time.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { relative, shortDigest } from '../output.ts';

/** What an image is built on and how old that makes it, as lines of a table; none before a review has looked. */
export function lineageRows(
  { digest, lineage, mayLieBelow, reconfirmedAtEpochMs: again }: ImageRecord,
  below: readonly ImageRecord[],
  now: number,
): readonly (readonly [string, string])[] {
  if (!lineage) return mayLieBelow ? [['built on', `not known, perhaps on ${unread(mayLieBelow)}`]] : [];
  const name = (one: Digest): string => (one === digest ? 'itself' : nameOf(one, below));
  const { parent, age, staleParent, mayLieBetween, mayLieBelowNext } = lineage;
  const atLeast = ({ bornAtEpochMs, decidedBy }: OldestBelow): string =>
    `${instant(bornAtEpochMs)} (${relative(bornAtEpochMs, now)}), by ${name(decidedBy)}`;
  const counts = age.known
    ? atLeast(age)
    : [`unknown, by ${age.unknown.map(name).join(', ')}`, ...(age.oldestKnown ? [atLeast(age.oldestKnown)] : [])].join(
        '; at least ',
      );
  return [
    ['built on', parent ? `${nameOf(parent.digest, below)}, by ${parent.evidence}` : 'no image that is known'],
    ...(mayLieBetween ? [['between', `perhaps ${unread(mayLieBetween)}`] as const] : []),
    ...(mayLieBelowNext ? [['next build', `of unknown age, perhaps on ${unread(mayLieBelowNext)}`] as const] : []),
    ...(staleParent
      ? [['new head', `${staleParent.stream}, whose head is ${shortDigest(staleParent.head)}`] as const]
      : []),
    ['counts as', counts],
    ...(again === undefined
      ? []
      : [['made again', `${instant(again)} (${relative(again, now)}), by a rebuild of ours`] as const]),
  ];
}

const unread = (repositories: readonly string[]): string =>
  `an image of ${repositories.join(', ')}, which no review could read to the end`;

function nameOf(digest: Digest, below: readonly ImageRecord[]): string {
  const image = below.find((one) => one.digest === digest);
  return [image?.tier, image?.stream, shortDigest(digest)].filter((word) => word !== undefined).join(' ');
}
