import type { Digest } from '../shared/domain/image.ts';
import type { ImageRecord } from '../shared/domain/records.ts';
import type { OldestBelow } from '../shared/domain/standing.ts';
import { instant } from '../shared/domain/time.ts';
import { relative, shortDigest } from './output.ts';

/** What an image stands on and how old that makes it, as lines of a table; none before a review has looked. */
export function standingRows(
  { digest, standing, reconfirmedAtEpochMs: again }: ImageRecord,
  below: readonly ImageRecord[],
  now: number,
): readonly (readonly [string, string])[] {
  if (!standing) return [];
  const name = (one: Digest): string => (one === digest ? 'itself' : nameOf(one, below));
  const { parent, age, behind } = standing;
  const atLeast = ({ bornAtEpochMs, decidedBy }: OldestBelow): string =>
    `${instant(bornAtEpochMs)} (${relative(bornAtEpochMs, now)}), by ${name(decidedBy)}`;
  const counts = age.known
    ? atLeast(age)
    : [`unknown, by ${age.unknown.map(name).join(', ')}`, ...(age.oldestKnown ? [atLeast(age.oldestKnown)] : [])].join(
        '; at least ',
      );
  return [
    ['stands on', parent ? `${nameOf(parent.digest, below)}, by ${parent.evidence}` : 'no image that is known'],
    ...(behind ? [['behind', `${behind.stream}, whose head is ${shortDigest(behind.head)}`] as const] : []),
    ['counts as', counts],
    ...(again === undefined
      ? []
      : [['made again', `${instant(again)} (${relative(again, now)}), by a rebuild of ours`] as const]),
  ];
}

function nameOf(digest: Digest, below: readonly ImageRecord[]): string {
  const image = below.find((one) => one.digest === digest);
  return [image?.tier, image?.stream, shortDigest(digest)].filter((word) => word !== undefined).join(' ');
}
