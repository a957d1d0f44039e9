import { instant } from '../../shared/domain/common/time.ts';
import { locationKey } from '../../shared/domain/image/image.ts';
import { lossCauseText, lossInstantText } from '../../shared/domain/retention/expiry-text.ts';
import { type ImageLoss, isUnseen, type RepositoryLook } from '../../shared/domain/retention/image-expiry.ts';
import type { KnownLosses } from '../../shared/ports/losses.ts';
import { type Colour, paint, relative, shortDigest, table } from '../output.ts';

const colourOf = ({ fate }: ImageLoss): Colour => (fate.state === 'unknown' ? 'yellow' : 'red');

const userText = ({ use, running, workloads }: ImageLoss): string => {
  const [first = 'nobody known', ...others] = workloads;
  const more = others.length > 0 ? `, and ${others.length} more` : '';
  return use === 'running' ? `${first}${more}` : `${running} running, as ${first}${more}`;
};

/** What will be lost, the most pressing first, and why it was given no tag. */
export const renderLosses = (losses: readonly ImageLoss[], now: number): string =>
  [lossTable(losses, now), refusalTable(losses)].filter((part) => part !== '').join('\n\n');

const lossTable = (losses: readonly ImageLoss[], now: number): string =>
  table(losses, [
    { title: 'image', value: ({ digest }) => shortDigest(digest) },
    { title: 'repository', value: ({ location }) => locationKey(location) },
    { title: 'lost', value: ({ fate }) => lossInstantText(fate, now), colour: colourOf },
    { title: 'how', value: ({ fate }) => lossCauseText(fate) },
    { title: 'used by', value: userText },
  ]);

/** One line for all images of a repository that have the same reason. */
function refusalTable(losses: readonly ImageLoss[]): string {
  const refused = losses.flatMap(({ location, refusal }) =>
    refusal ? [{ repository: locationKey(location), ...refusal }] : [],
  );
  const rows = [...new Map(refused.map((row) => [Object.values(row).join('\n'), row])).values()];
  if (rows.length === 0) return '';
  const told = table(rows, [
    { title: 'repository', value: ({ repository }) => repository },
    { title: 'reason', value: ({ reason }) => reason },
    { title: 'what to do', value: ({ detail }) => detail },
  ]);
  return `${paint('bold', 'Not given a tag that would keep it')}\n${told}`;
}

/** Repositories of which nothing is known, or not any more. */
export const renderUnseen = (looks: readonly RepositoryLook[], now: number): string =>
  table(looks, [
    { title: 'repository', value: ({ location }) => locationKey(location) },
    { title: 'images in use', value: ({ images }) => String(images), align: 'right' },
    { title: 'looked at', value: ({ lookedAtEpochMs: at }) => (at === 0 ? 'never' : instant(at)) },
    { title: 'why', value: (look) => unseenBecause(look, now) },
  ]);

const unseenBecause = ({ failure, lookedAtEpochMs }: RepositoryLook, now: number): string =>
  failure ? `${failure.error}: ${failure.detail}` : `the last look was ${relative(lookedAtEpochMs, now)}`;

/** One image: what its repositories will do to it. Of an image that nobody is known to use only a loss is told. */
export function renderImageLosses({ losses, looks }: KnownLosses, inUse: boolean, now: number): string {
  if (losses.length > 0) return `${paint('bold', 'To be lost')}\n${renderLosses(losses, now)}`;
  const unseen = looks.filter((look) => isUnseen(look, now));
  if (unseen.length > 0) return `${paint('bold', 'Whether it will be lost is unknown')}\n${renderUnseen(unseen, now)}`;
  if (!inUse) return '';
  return looks.length > 0
    ? `No lifecycle policy is known to take it soon, by the look of ${instant(Math.min(...looks.map((look) => look.lookedAtEpochMs)))}.`
    : 'Nobody has looked yet whether a lifecycle policy will take it.';
}
