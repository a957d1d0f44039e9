import { instant } from '../common/time.ts';
import type { Reason } from './verdict.ts';

/** A reason in words, with the rule that it cites: one of several in a line. */
export const reasonText = (reason: Reason): string =>
  `${factText(reason)} (${[reason.ruleId, ...waiverOf(reason)].join(', ')})`;

/** A reason in words, with all that is known of it: a line of its own beside its rule. */
export const reasonInFull = (reason: Reason): string =>
  [factText(reason), ...detailsOf(reason), ...waiverOf(reason)].join(', ');

function factText(reason: Reason): string {
  switch (reason.kind) {
    case 'age':
      return `born ${instant(reason.bornAtEpochMs)}${by(reason)}, limit ${reason.limitDays} days`;
    case 'age-unknown':
      return `age unknown${by(reason)}`;
    case 'finding':
      return `${reason.severity} ${reason.vulnerability} in ${reason.package} ${reason.version}`;
    case 'scan':
      return `scan ${reason.state}${reason.scanReason === undefined ? '' : `, ${reason.scanReason}`}`;
    case 'registry':
      return `comes from ${reason.registry}`;
    case 'digest-guessed':
      return `what ${reason.workload} runs is a guess${reason.scopes > 1 ? `, and so in ${reason.scopes - 1} more scopes` : ''}`;
    case 'policy':
      return 'the policy in force cannot be read';
  }
}

/** What an image stands on may decide for it. */
const by = ({ decidedBy }: { readonly decidedBy?: string }): string =>
  decidedBy === undefined ? '' : ` by ${short(decidedBy)}, which it stands on`;

const short = (digest: string): string => digest.slice(0, SHORT_DIGEST);

const SHORT_DIGEST = 'sha256:'.length + 12;

const waiverOf = ({ waiverId, waivedThrough }: Reason): string[] => {
  if (waiverId === undefined) return [];
  const from = waivedThrough === undefined ? '' : `, a waiver of ${short(waivedThrough)}, which it stands on`;
  return [`waived by ${waiverId}${from}`];
};

function detailsOf(reason: Reason): string[] {
  switch (reason.kind) {
    case 'age-unknown':
      return reason.isLineageUnread
        ? [
            'its lineage was not read yet',
            'the next review reads it, or names the registry, image or ledger item that it cannot read',
          ]
        : ['no plausible evidence of its birth'];
    case 'finding':
      return [`fix ${reason.fix}`, `first seen ${instant(reason.firstSeenAtEpochMs)}`];
    case 'registry':
      return ['which is not approved'];
    case 'digest-guessed':
      return ['ECS reports no digest, and the push history does not reach its pull', 'name the image by digest'];
    default:
      return [];
  }
}
