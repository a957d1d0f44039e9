import { paint } from '../../cli/output.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { reasonText } from '../../shared/domain/verdict/reason-text.ts';
import type { Reason } from '../../shared/domain/verdict/verdict.ts';
import type { Names } from './names.ts';
import type { Progress } from './progress.ts';
import type { DemoResult } from './result.ts';

type Found = Pick<DemoResult, 'images' | 'found' | 'outcomes' | 'ancestors'>;
type Image = DemoResult['images'][number];

const MOST_REASONS = 5;

/** Prints what a review found: each reason once, with its images. */
export function printFound(progress: Progress, { images, found, outcomes, ancestors }: Found, names: Names): void {
  progress.heading(`Found: ${counted(found, 'running image')}: ${sumsOf(outcomes)}`);
  const below = ancestors.outcomes.violating + ancestors.outcomes.unknown;
  if (below > 0)
    progress.text(
      `  and ${counted(ancestors.found, 'image')} not running (ancestors and heads): ${sumsOf(ancestors.outcomes)}`,
      2,
    );
  const groups = [...Map.groupBy(images.flatMap(complaintsOf), ({ text }) => text)].sort(
    ([, one], [, other]) => other.length - one.length,
  );
  for (const [text, complaints] of groups.slice(0, MOST_REASONS)) {
    progress.text(`  ${paint(complaints[0]?.effect === 'violates' ? 'red' : 'yellow', text)}`, 2);
    progress.text(`      in ${namesOf(complaints, names).join(', ')}`, 6);
  }
  if (groups.length > MOST_REASONS)
    progress.line(`  and ${counted(groups.length - MOST_REASONS, 'other reason')}, listed at the end`);
}

const sumsOf = ({ compliant, violating, unknown, failed }: DemoResult['outcomes']): string =>
  `${compliant} compliant, ${violating} violating, ${unknown} unknown, ${failed} failed`;

interface Complaint {
  readonly image: Image;
  readonly effect: string;
  readonly text: string;
}

const complaintsOf = (image: Image): Complaint[] =>
  image.reasons
    .filter(({ effect }) => effect === 'violates' || effect === 'unknown')
    .map((reason) => ({ image, effect: reason.effect, text: reasonText(reason as unknown as Reason) }));

/** A stream with several images is named once. */
const namesOf = (complaints: readonly Complaint[], names: Names): string[] =>
  [...Map.groupBy(complaints, ({ image }) => nameOf(image, names))]
    .map(([name, { length }]) => (length > 1 ? `${name} (${length} images)` : name))
    .sort();

const nameOf = ({ stream, locations, usages, digest }: Image, names: Names): string =>
  stream === undefined ? (locations[0]?.repository ?? usages[0]?.reference ?? digest) : names.stream(stream);
