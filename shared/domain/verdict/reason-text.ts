import { counted } from '../common/counted.ts';
import { instant } from '../common/time.ts';
import { SOURCE_LABELS, type SourceLabel } from '../image/config-facts.ts';
import { systemText } from '../image/system-support.ts';
import type { Fix } from '../scan/finding.ts';
import { SCAN_REASONS } from '../scan/scan-reasons.ts';
import { tagProblemText } from '../stream/tag-rules.ts';
import type { Reason } from './verdict.ts';

/** A reason as text with its rule, for a list in one line. */
export const reasonText = (reason: Reason): string =>
  `${reasonFactText(reason)} (${[reason.ruleId, ...waiverOf(reason)].join(', ')})`;

/** A reason as text with all details and the next step, for a line of its own beside its rule. */
export function reasonInFull(reason: Reason): string {
  const { details = [], next } = detailsOf(reason);
  const nextStep = next === undefined ? [] : [`next: ${next}`];
  return [reasonFactText(reason), ...details, ...waiverOf(reason), ...nextStep].join('; ');
}

function reasonFactText(reason: Reason): string {
  switch (reason.kind) {
    case 'age':
      return `age counts from ${instant(reason.bornAtEpochMs)}${by(reason)}, limit ${counted(reason.limitDays, 'day')}`;
    case 'age-unknown':
      return `age unknown${by(reason)}`;
    case 'finding':
      return [
        `${reason.severity} ${reason.vulnerability} in ${reason.package} ${reason.version}`,
        ...riskOf(reason),
      ].join(', ');
    case 'scan':
      return `scan ${reason.state}${reason.scanReason === undefined ? '' : `, ${reason.scanReason}`}`;
    case 'registry':
      return `registry ${reason.registry} is not approved`;
    case 'source':
      if (reason.isParentUnread) return 'source unknown: the config of the image that it is built on was not read';
      return reason.label === undefined
        ? 'source unknown: its config was not read'
        : `label ${SOURCE_LABELS[reason.label]} is ${reason.problem ?? 'unknown'}`;
    case 'user':
      return userText(reason.user);
    case 'tag':
      return reason.tag === undefined || !reason.problem
        ? 'tags unknown: not all of them were read and compared'
        : `tag ${reason.tag} ${tagProblemText(reason.tag, reason.problem).text}`;
    case 'system':
      return `${systemEndText(reason)}${by(reason)}`;
    case 'digest-guessed':
      return `Patchwave can only guess which image ${reason.workload} runs${reason.scopes > 1 ? `, also in ${counted(reason.scopes - 1, 'other scope')}` : ''}`;
    case 'policy':
      return 'the policy in force cannot be read';
  }
}

function systemEndText({ system, effect, deadlineEpochMs }: Extract<Reason, { kind: 'system' }>): string {
  if (!system) return 'operating system unknown: no image that it is built on names one';
  const name = systemText(system);
  if (deadlineEpochMs === undefined) return `no end of support is known of ${name}`;
  return `${name} ${effect === 'due' ? 'gets security updates until' : 'gets no security updates since'} ${instant(deadlineEpochMs)}`;
}

function userText(user: string | undefined): string {
  if (user === undefined) return 'user unknown: its config was not read';
  return user.trim() === '' ? 'runs as root: its config names no user' : `runs as root: its config names user ${user}`;
}

/** How likely somebody uses a vulnerability, as far as the scanner says. */
const riskOf = ({
  isExploited,
  epssPercent,
}: Pick<Extract<Reason, { kind: 'finding' }>, 'isExploited' | 'epssPercent'>): string[] => [
  ...(isExploited ? ['exploit known'] : []),
  ...(epssPercent === undefined ? [] : [`EPSS ${epssPercent} %`]),
];

/** An ancestor may decide for the image. */
const by = ({ decidedBy }: { readonly decidedBy?: string }): string =>
  decidedBy === undefined ? '' : ` because of ancestor ${short(decidedBy)}`;

const short = (digest: string): string => digest.slice(0, SHORT_DIGEST);

const SHORT_DIGEST = 'sha256:'.length + 12;

const waiverOf = ({ waiverId, waivedThrough }: Reason): string[] => {
  if (waiverId === undefined) return [];
  const from = waivedThrough === undefined ? '' : `, a waiver of ancestor ${short(waivedThrough)}`;
  return [`waived by ${waiverId}${from}`];
};

const FIX_TEXT: Readonly<Record<Fix, string>> = {
  yes: 'fix published',
  no: 'no fix yet',
  unknown: 'fix unknown',
};

const READ_AGAIN = 'the next review reads it; if it cannot be used, build the image again with a standard builder';

const KNOWN_TAGS =
  'the next review reads and compares those of a base or platform; an application has some with its next push, or once a workload runs it by a tag';

const READ_PARENT =
  'the next review reads it; if it cannot be used, let the build set both labels as annotations of the manifest too';

const NEXT_FOR_LABEL: Readonly<Record<SourceLabel, string>> = {
  source: 'let the build set it to the address of the repository, such as https://github.com/ORG/REPOSITORY',
  revision: 'let the build set it to the Git commit, 7 to 64 hexadecimal digits',
};

interface Details {
  readonly details?: readonly string[];
  /** What a person does, or when Patchwave goes on. */
  readonly next?: string;
}

function detailsOf(reason: Reason): Details {
  switch (reason.kind) {
    case 'age-unknown':
      return reason.isLineageUnread
        ? {
            details: ['its lineage is not read yet'],
            next: 'the next review reads it, or reports what it could not read',
          }
        : { details: ['no reliable birth date'] };
    case 'finding':
      return { details: [FIX_TEXT[reason.fix], `first seen ${instant(reason.firstSeenAtEpochMs)}`] };
    case 'scan': {
      const known = reason.scanReason && SCAN_REASONS[reason.scanReason];
      return known ? { details: [known.text], next: known.next } : {};
    }
    case 'registry':
      return { next: 'add it to `approvedRegistries` of the policy, or use an approved registry' };
    case 'source':
      if (reason.isParentUnread) return { next: READ_PARENT };
      return {
        ...(reason.problem === 'inherited' && { details: ['the image that it is built on has the same value'] }),
        next: reason.label === undefined ? READ_AGAIN : NEXT_FOR_LABEL[reason.label],
      };
    case 'user':
      return {
        next:
          reason.user === undefined
            ? READ_AGAIN
            : 'end its Dockerfile with a line such as `USER 10001`, and build it again',
      };
    case 'tag':
      return {
        next:
          reason.tag === undefined || !reason.problem ? KNOWN_TAGS : tagProblemText(reason.tag, reason.problem).next,
      };
    case 'system':
      return {
        details: ['no rebuild on the same base fixes it'],
        next: reason.system
          ? 'its owner moves the base to a supported version of the system'
          : 'build it on an image of a stream of tier base or mirrored, so that Patchwave reads its system',
      };
    case 'digest-guessed':
      return {
        details: [
          'its container runtime reports no digest, and no recorded push proves which image its tag named when it was pulled',
        ],
        next: 'name the image by its digest',
      };
    case 'policy':
      return { next: 'apply a policy again with `patchwave policy apply FILE`' };
    default:
      return {};
  }
}
