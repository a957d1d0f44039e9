import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { locationKey } from '../../shared/domain/image/image.ts';
import {
  type ExpiryState,
  expiryCauseText,
  expiryInstantText,
  type ImageExpiry,
  isUnseen,
  type RepositoryCheck,
} from '../../shared/domain/retention/image-expiry.ts';
import type { KnownExpiries } from '../../shared/ports/expiries.ts';
import { type Colour, paint, relative, shortDigest, table } from '../output.ts';

const colourOf = ({ expiryState }: ImageExpiry): Colour => (expiryState.state === 'unknown' ? 'yellow' : 'red');

const userText = ({ use, running, workloads }: ImageExpiry): string => {
  const [first = 'no known workload', ...others] = workloads;
  const more = others.length > 0 ? `, and ${others.length} more` : '';
  return use === 'running'
    ? `${first}${more}`
    : `${counted(running, 'running image')} built on it, run by ${first}${more}`;
};

/** What is gone, will expire or may expire, the most pressing first, and why it has no protecting tag. */
export const renderExpiries = (expiries: readonly ImageExpiry[], now: number): string =>
  [expiryTable(expiries, now), refusalTable(expiries)].filter((part) => part !== '').join('\n\n');

const expiryTable = (expiries: readonly ImageExpiry[], now: number): string =>
  table(expiries, [
    { title: 'image', value: ({ digest }) => shortDigest(digest) },
    { title: 'repository', value: ({ location }) => locationKey(location) },
    { title: 'expires', value: ({ expiryState }) => expiryInstantText(expiryState, now), colour: colourOf },
    { title: 'how', value: ({ expiryState }) => expiryCauseText(expiryState) },
    { title: 'used by', value: userText },
  ]);

/** One line for all images of a repository with the same reason. */
function refusalTable(expiries: readonly ImageExpiry[]): string {
  const refused = expiries.flatMap(({ location, refusal }) =>
    refusal ? [{ repository: locationKey(location), ...refusal }] : [],
  );
  const rows = [...new Map(refused.map((row) => [Object.values(row).join('\n'), row])).values()];
  if (rows.length === 0) return '';
  const refusals = table(rows, [
    { title: 'repository', value: ({ repository }) => repository },
    { title: 'reason', value: ({ reason }) => reason },
    { title: 'what to do', value: ({ detail }) => detail },
  ]);
  return `${paint('bold', 'Not protected')}\n${refusals}`;
}

/** Repositories without a current check. */
export const renderUnseen = (checks: readonly RepositoryCheck[], now: number): string =>
  table(checks, [
    { title: 'repository', value: ({ location }) => locationKey(location) },
    { title: 'images in use', value: ({ images }) => String(images), align: 'right' },
    { title: 'checked', value: ({ checkedAtEpochMs: at }) => (at === 0 ? 'never' : instant(at)) },
    { title: 'why', value: (check) => unseenBecause(check, now) },
  ]);

const unseenBecause = ({ failure, checkedAtEpochMs }: RepositoryCheck, now: number): string =>
  failure ? `${failure.error}: ${failure.detail}` : `last checked ${relative(checkedAtEpochMs, now)}`;

const HEADINGS: readonly (readonly [ExpiryState['state'], string])[] = [
  ['gone', 'Already deleted or archived'],
  ['expires', 'Will expire'],
  ['unknown', 'Expiry unknown'],
];

const byState = (expiries: readonly ImageExpiry[], now: number): string =>
  HEADINGS.flatMap(([state, heading]) => {
    const these = expiries.filter(({ expiryState }) => expiryState.state === state);
    return these.length > 0 ? [`${paint('bold', heading)}\n${renderExpiries(these, now)}`] : [];
  }).join('\n\n');

/** Expiry of one image in its repositories. For an image without known usage only an expiry is shown. */
export function renderImageExpiries({ expiries, checks }: KnownExpiries, inUse: boolean, now: number): string {
  if (expiries.length > 0) return byState(expiries, now);
  const unseen = checks.filter((check) => isUnseen(check, now));
  if (unseen.length > 0) return `${paint('bold', 'Expiry unknown')}\n${renderUnseen(unseen, now)}`;
  if (!inUse) return '';
  return checks.length > 0
    ? `No lifecycle policy is known to expire it soon (checked at ${instant(Math.min(...checks.map((check) => check.checkedAtEpochMs)))}).`
    : 'Lifecycle policies have not been checked for this image yet.';
}
