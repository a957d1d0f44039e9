import { counted } from '../common/counted.ts';
import { section, table } from '../common/markdown.ts';
import { instant } from '../common/time.ts';
import { locationKey } from '../image/image.ts';
import { expiryCauseText, expiryInstantText } from '../retention/expiry-text.ts';
import type { ImageExpiry, RepositoryCheck } from '../retention/image-expiry.ts';
import type { Report } from './report.ts';

/** The images in use that lifecycle policies will expire, from the last checks. */
export function expiries({ expiries: all, expiryChecks, generatedAtEpochMs: now }: Report): string {
  const { repositories, unseen } = expiryChecks;
  const told = table(all, [
    { title: 'Image', text: ({ location, digest }: ImageExpiry) => `${locationKey(location)} ${digest.slice(0, 19)}` },
    { title: 'Expires', text: ({ expiryState }) => expiryInstantText(expiryState, now) },
    { title: 'How', text: ({ expiryState }) => expiryCauseText(expiryState) },
    { title: 'Used by', text: usersOf },
  ]);
  const notSeen = table(unseen, [
    { title: 'Repository not checked', text: ({ location }: RepositoryCheck) => locationKey(location) },
    { title: 'Images', text: ({ images }) => String(images), isNumber: true },
    { title: 'Why', text: ({ failure, checkedAtEpochMs: at }) => failure?.detail ?? `last checked ${instant(at)}` },
  ]);
  const parts = [told, notSeen].filter((part) => part !== '');
  return section('Images that lifecycle policies expire', 'SI-12', parts.join('\n\n') || nothing(repositories));
}

const nothing = (repositories: number): string =>
  repositories === 0
    ? 'Not checked yet.'
    : `None due soon (${counted(repositories, 'repository', 'repositories')} checked).`;

const usersOf = ({ use, running, workloads }: ImageExpiry): string =>
  use === 'running' ? workloads.join(', ') || '-' : `ancestor of ${counted(running, 'running image')}`;
