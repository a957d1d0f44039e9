import { shortDigest } from '../../cli/output.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import type { Reason } from '../../shared/domain/verdict/verdict.ts';
import type { Names } from './names.ts';
import { complaintText } from './reason-words.ts';
import type { DemoResult } from './result.ts';
import type { ActResult } from './result-act.ts';
import { listOf } from './story.ts';

type Image = DemoResult['images'][number];

const MOST_REASONS = 3;
const MOST_NAMES = 4;

/** What a review found, in a few sentences: the numbers, what could not be read, and each reason with its images. */
export function foundSentences(
  { images, found, outcomes, scopes }: Pick<DemoResult, 'images' | 'found' | 'outcomes' | 'scopes'>,
  names: Names,
): string[] {
  const containers = images.flatMap(({ usages }) => usages).reduce((sum, { count }) => sum + count, 0);
  const numbers = `${counted(containers, 'container')} run ${counted(found, 'image')}: ${outcomesText(outcomes)}`;
  const unread = scopes.filter(({ status }) => status === 'failed').map(({ account }) => account);
  const groups = [...Map.groupBy(images.flatMap(complaintsOf), ({ text }) => text)].sort(
    ([text, one], [otherText, other]) => other.length - one.length || text.localeCompare(otherText),
  );
  const left = groups.length - MOST_REASONS;
  return [
    numbers,
    ...(unread.length > 0
      ? [`Could not read account ${listOf([...new Set(unread)])}: what runs there is not known`]
      : []),
    ...groups.slice(0, MOST_REASONS).map(([text, complaints]) => {
      const named = [...new Set(complaints.map(({ image }) => imageName(image, names)))].sort();
      return `${listOf(named, MOST_NAMES)}: ${text}`;
    }),
    ...(left > 0 ? [`${counted(left, 'other reason')}: the end of the demo names each image`] : []),
  ];
}

export function outcomesText({ compliant, violating, unknown, failed }: DemoResult['outcomes']): string {
  const texts = [`${compliant} in order`, `${violating} against the policy`, `${unknown} unknown`];
  return [...texts, ...(failed > 0 ? [`${failed} not judged`] : [])].join(', ');
}

const complaintsOf = (image: Image): { readonly image: Image; readonly text: string }[] =>
  image.reasons
    .filter(({ effect }) => effect === 'violates' || effect === 'unknown')
    .map((reason) => {
      const text = complaintText(reason as unknown as Reason);
      return { image, text: reason.effect === 'unknown' ? `${text}, so unknown` : text };
    });

/** The stream of an image in brief; without one, its repository or reference, or its digest. */
export const imageName = ({ stream, locations, usages, digest }: Image, names: Names): string => {
  if (stream !== undefined) return names.brief(stream);
  const { reference } = usages.find((usage) => usage.reference !== undefined) ?? {};
  return locations[0]?.repository ?? (reference === undefined ? shortDigest(digest) : names.reference(reference));
};

/** What the second review proves, and what it does not. */
export function proofSentences({ closures }: Pick<ActResult, 'closures'>, names: Names): string[] {
  const last = new Map(closures.map((closure) => [closure.stream, closure]));
  const streamsIn = (state: string): string[] =>
    [...last.values()]
      .filter((one) => one.state === state)
      .map(({ stream }) => names.stream(stream))
      .sort();
  const [closed, open] = [streamsIn('closed'), streamsIn('open')];
  return [
    ...(closed.length > 0 ? [`Proven: no old image of ${listOf(closed)} runs any more`] : []),
    ...(open.length > 0
      ? [`Containers still run old images of ${listOf(open, MOST_NAMES)}, or images that are built on them`]
      : []),
  ];
}
