import type { ExpectedDenial } from '../admission/expected-denial.ts';
import { counted } from '../common/counted.ts';
import { type MarkdownColumn, markdownTable, plainText, section } from '../common/markdown.ts';
import { DAY_MS, instant } from '../common/time.ts';
import { visibleText } from '../common/visible-text.ts';
import { locationKey } from '../image/image.ts';
import { startsText } from '../image/possible-starts.ts';
import { overText, type ServiceAtZero, serviceKeyOf, UNUSED_AFTER_DAYS } from '../image/service-at-zero.ts';
import type { UnresolvedContainer } from '../image/usage.ts';
import { doorPlaceText } from '../policy/doors.ts';
import {
  expiryCauseText,
  expiryInstantText,
  type ImageExpiry,
  type RepositoryCheck,
} from '../retention/image-expiry.ts';
import { keyOfScope } from '../review/run.ts';
import { SCAN_STATES } from '../scan/scan.ts';
import { witnessedText } from '../scan/witness.ts';
import { gapTexts } from '../stream/unmatched-rules.ts';
import { reasonText } from '../verdict/reason-text.ts';
import { compliantText, coverageText, sumOfCoverage } from '../verdict/verdict.ts';
import type { Report, ReportGroup, ReportLine } from './report.ts';
import type { VendorDependency } from './vendor-dependency.ts';

/** The images in use that lifecycle policies will expire, from the last checks. */
export function expiries({ expiries: all, expiryChecks, generatedAtEpochMs: now }: Report): string {
  const { repositories, unseen } = expiryChecks;
  const examined = markdownTable(all, [
    { title: 'Image', text: ({ location, digest }: ImageExpiry) => `${locationKey(location)} ${digest.slice(0, 19)}` },
    { title: 'Expires', text: ({ expiryState }) => expiryInstantText(expiryState, now) },
    { title: 'How', text: ({ expiryState }) => expiryCauseText(expiryState) },
    { title: 'Used by', text: usersOf },
  ]);
  const notSeen = markdownTable(unseen, [
    { title: 'Repository not checked', text: ({ location }: RepositoryCheck) => locationKey(location) },
    { title: 'Images', text: ({ images }) => String(images), isNumber: true },
    { title: 'Why', text: ({ failure, checkedAtEpochMs: at }) => failure?.detail ?? `last checked ${instant(at)}` },
  ]);
  const parts = [examined, notSeen].filter((part) => part !== '');
  return section('Images that lifecycle policies expire', 'SI-12', parts.join('\n\n') || nothing(repositories));
}

const nothing = (repositories: number): string =>
  repositories === 0
    ? 'No check has run yet.'
    : `None due soon (${counted(repositories, 'repository', 'repositories')} checked).`;

const usersOf = ({ use, running, workloads }: ImageExpiry): string =>
  use === 'running' ? workloads.join(', ') || '-' : `ancestor of ${counted(running, 'running image')}`;

/** Empty if no door denies. */
function denials({ denials: found }: Report): string {
  if (!found) return '';
  const { expected, refused, withinDays } = found;
  const already =
    refused === 0
      ? ''
      : `${counted(refused, 'image')} that ${refused === 1 ? 'runs' : 'run'} may not start again already. `;
  const next = 'To see all, and what templates name: `patchwave doors check`.';
  const soon = markdownTable(expected, [
    { title: 'Refused from', text: ({ deniedFromEpochMs }: ExpectedDenial) => instant(deniedFromEpochMs) },
    { title: 'Where', text: ({ place }) => doorPlaceText(place) },
    { title: 'Image', text: ({ digest }) => digest.slice(0, 19) },
    { title: 'Owner', text: ownerOf },
    { title: 'Run by', text: ({ workloads }) => workloads.join(', ') },
    { title: 'Rule', text: ({ ruleId }) => ruleId },
    { title: 'What to do', text: ({ message }) => message },
  ]);
  return section(
    `Images that a door will refuse, within ${counted(withinDays, 'day')}`,
    'CM-7(5)',
    [soon || 'None.', `${already}${next}`].join('\n\n'),
  );
}

/* The parts of a report about open work, and about what only vendors can fix. */

const ownerOf = ({ owner }: { readonly owner?: string }): string => owner ?? 'no owner';

/** Empty if every rule and every stream has its counterpart. */
function policyGaps({ policyGaps: gaps }: Report): string {
  const texts = gapTexts(gaps);
  return texts.length === 0 ? '' : section('Policy gaps', 'CM-6', texts.map((text) => `- ${text}`).join('\n'));
}

const setAside = ({ unreadable }: Report): string =>
  unreadable.length === 0
    ? ''
    : section(
        'Unreadable ledger items',
        'SI-7',
        markdownTable(unreadable, [
          { title: 'Item', text: ({ item }) => item },
          { title: 'Problem', text: ({ problem }) => problem },
        ]),
      );

const pendingRebuilds = ({ pendingRebuilds: pending }: Report): string =>
  section(
    'Streams that need a rebuild',
    'SI-2',
    pending.length === 0
      ? 'None.'
      : `\`patchwave plan\` shows what happens to each of them.\n\n${markdownTable(pending, [
          { title: 'Stream', text: ({ stream }) => stream },
          { title: 'Owner', text: ownerOf },
          { title: 'Mode', text: ({ mode }) => mode },
          { title: 'Findings', text: ({ findings }) => String(findings), isNumber: true },
          { title: 'Too old', text: ({ tooOld }) => (tooOld ? 'yes' : 'no') },
          { title: 'Parent moved', text: ({ parentMoved }) => (parentMoved ? 'yes' : 'no') },
          { title: 'Since', text: ({ sinceEpochMs }) => instant(sinceEpochMs) },
        ])}`,
  );

/** The findings of a preview are not in the ledger, so no plan includes them. */
const found = ({ found: work, review: { runId } }: Report): string =>
  work === undefined
    ? ''
    : section(
        'Streams to fix first',
        'SI-2',
        [
          `${work.rootStreams.length} to rebuild first, ${work.toDeploy.length} to deploy only, ${work.unclear.length} not known yet. \`patchwave plan --preview ${runId}\` shows the waves, the streams on hold, and how long the plan takes. For an image that no review has seen before, the table names its own stream and not that of its parent, because Patchwave does not know the parent yet.`,
          markdownTable(work.rootStreams, [
            { title: 'Stream to fix', text: ({ stream }) => stream },
            { title: 'Mode', text: ({ mode }) => mode },
            { title: 'Findings', text: ({ findings }) => String(findings), isNumber: true },
            { title: 'Too old', text: ({ tooOld }) => (tooOld ? 'yes' : 'no') },
            { title: 'Affected streams', text: ({ streams }) => String(streams), isNumber: true },
          ]),
        ]
          .filter((part) => part !== '')
          .join('\n\n'),
      );

const waitingForVendors = ({ waitingForVendors: all }: Report): string =>
  section(
    'Waiting for a vendor fix',
    'SI-2, RA-5',
    all.length === 0
      ? 'Nothing.'
      : `A rebuild cannot fix these yet. Patchwave plans a rebuild when a fix is published.\n\n${markdownTable(all, [
          { title: 'Package', text: (one) => one.package },
          { title: 'Installed', text: ({ version }) => version },
          { title: 'Vulnerability', text: ({ vulnerability }) => vulnerability },
          { title: 'Stream nearest to the base', text: ({ stream }) => stream },
          { title: 'Streams', text: ({ streams }) => String(streams.length), isNumber: true },
          { title: 'Images', text: ({ images }) => String(images), isNumber: true },
          {
            title: 'Vendor image',
            text: ({ vendor }) => (vendor ? `${vendor.places[0] ?? vendor.tier} ${vendor.digest.slice(0, 19)}` : '-'),
          },
          { title: 'Since', text: ({ sinceEpochMs }) => instant(sinceEpochMs) },
          { title: 'Why', text: vendorText },
        ])}`,
  );

const vendorText = ({ reason, triedAtEpochMs: at }: VendorDependency): string =>
  [
    ...(reason === 'no-fix' ? ['the scanner says that there is no fix'] : []),
    ...(at === undefined ? [] : [`a rebuild at ${instant(at)} did not fix it`]),
  ].join('; ');

/** Empty for most scanners, which name no layers. */
const layerDisagreements = ({ layerDisagreements: all }: Report): string =>
  all.length === 0
    ? ''
    : section(
        'Findings that the scanner places in another image',
        'RA-5',
        markdownTable(all, [
          { title: 'Image', text: ({ digest }) => digest.slice(0, 19) },
          { title: 'Finding', text: (one) => `${one.vulnerability} in ${one.package} ${one.version}` },
          { title: 'First image that has the finding', text: ({ attributedTo }) => attributedTo.slice(0, 19) },
          {
            title: 'First image with the layer that the scanner names',
            text: ({ broughtBy }) => broughtBy.slice(0, 19),
          },
        ]),
      );

/** Days before their end in which waivers are marked. */
const WAIVER_NOTICE_DAYS = 14;

/**
 * The report as a page for people. Each section names the controls of NIST SP 800-53 revision 5 for which it is
 * evidence; it proves only what was checked and found.
 */
export function reportMarkdown(report: Report): string {
  const page = [
    heading(report),
    ...report.groups.flatMap((group) => violating(group)),
    ...report.groups.flatMap((group) => unknown(group)),
    ...(report.possible?.groups ?? []).flatMap((group) => violating(group, ONLY_POSSIBLE)),
    ...(report.possible?.groups ?? []).flatMap((group) => unknown(group, ONLY_POSSIBLE)),
    ...report.ancestors.groups.flatMap((group) => violating(group, ONLY_ANCESTORS)),
    ...report.ancestors.groups.flatMap((group) => unknown(group, ONLY_ANCESTORS)),
    nextBreaches(report),
    denials(report),
    expiries(report),
    coverage(report),
    gaps(report),
    atZero(report),
    waivers(report),
    policyGaps(report),
    setAside(report),
    pendingRebuilds(report),
    found(report),
    waitingForVendors(report),
    layerDisagreements(report),
  ]
    .filter((part) => part !== '')
    .join('\n');
  return visibleText(page);
}

/** Images that templates may start, or that ran within the grace of the doors. */
const ONLY_POSSIBLE = ' (may start, not running)';
/** Images that do not run: running images are built on them, or they are heads that are scanned nevertheless. */
const ONLY_ANCESTORS = ' (ancestors and heads, not running)';

function heading(report: Report): string {
  const { review, images, groups, possible, ancestors, generatedAtEpochMs, coverage } = report;
  const { found, known } = coverage;
  const { runId, state, mode, policyVersion, startedAtEpochMs, failure } = review;
  const outcome = failure ? `${state}: ${plainText(failure.detail)}` : state;
  return [
    '# Fleet review',
    '',
    `Run ${runId} (${mode}) of ${instant(startedAtEpochMs)}: **${outcome}**. Policy \`${policyVersion.slice(0, 12)}\`. Written ${instant(generatedAtEpochMs)}.`,
    '',
    ...withoutPolicy(report).flatMap((text) => [text, '']),
    `${counted(found, 'running image')}: ${inWords({ images, groups })}. With a valid scan result: ${known} of ${found}.`,
    '',
    markdownTable(groups, GROUP_COLUMNS),
    ...(possible === undefined || possible.groups.length === 0
      ? []
      : [
          '',
          `Images that may start and do not run: ${inWords(possible)}.`,
          '',
          markdownTable(possible.groups, GROUP_COLUMNS),
        ]),
    ...(ancestors.groups.length === 0
      ? []
      : [
          '',
          `Ancestors and heads that do not run: ${inWords(ancestors)}.`,
          '',
          markdownTable(ancestors.groups, GROUP_COLUMNS),
        ]),
  ].join('\n');
}

/** Empty if the policy in force was read. */
const withoutPolicy = ({ failures }: Report): readonly string[] =>
  failures
    .filter(({ kind }) => kind === 'policy')
    .map(
      ({ detail }) =>
        `**This review had no policy.** It reports what runs and what scans found, but cannot judge any image as compliant or violating. ${plainText(detail)}`,
    );

const NOT_KNOWN = 'Unknown without a policy.';
const noneOf = (report: Report): string => (withoutPolicy(report).length > 0 ? NOT_KNOWN : 'None.');

function inWords({ images, groups }: Pick<Report, 'images' | 'groups'>): string {
  const { violating: bad, unknown: unclear, compliant, unjudged } = images;
  const { compliantCovers } = sumOfCoverage(groups.map((group) => group.compliantCovers));
  return `${bad} violating, ${unclear} unknown, ${compliantText(compliant, compliantCovers)}${unjudged > 0 ? `, ${unjudged} not judged` : ''}`;
}

const GROUP_COLUMNS: readonly MarkdownColumn<ReportGroup>[] = [
  { title: 'Tier', text: ({ tier }) => tier },
  { title: 'Owner', text: ownerOf },
  { title: 'Violating', text: (group) => String(group.violating.length), isNumber: true },
  { title: 'Unknown', text: (group) => String(group.unknown.length), isNumber: true },
  { title: 'Compliant', text: ({ compliant, compliantCovers }) => compliantText(compliant, compliantCovers, '') },
  { title: 'Not judged', text: ({ unjudged }) => String(unjudged.length), isNumber: true },
];

const LINE_COLUMNS: readonly MarkdownColumn<ReportLine>[] = [
  { title: 'Image', text: ({ places, digest }) => `${places[0] ?? 'place unknown'} ${digest.slice(0, 19)}` },
  { title: 'Run by', text: ({ workloads }) => workloads.join(', ') || '-' },
  { title: 'Scan covers', text: ({ covers }) => coverageText(covers) },
];

const why = ({ reasons, reasonCount }: ReportLine): string =>
  reasons.slice(0, 3).map(reasonText).join('; ') + (reasonCount > 3 ? `; and ${reasonCount - 3} more` : '');

const violating = (group: ReportGroup, which = ''): string[] =>
  group.violating.length === 0
    ? []
    : [
        section(
          `Violating: ${group.tier}, ${ownerOf(group)}${which}`,
          'SI-2, SI-2(3)',
          markdownTable(group.violating, [
            ...LINE_COLUMNS,
            {
              title: 'Since',
              text: ({ sinceEpochMs }) => (sinceEpochMs === undefined ? 'always' : instant(sinceEpochMs)),
            },
            { title: 'Why', text: why },
          ]),
        ),
      ];

const unknown = (group: ReportGroup, which = ''): string[] =>
  group.unknown.length === 0
    ? []
    : [
        section(
          `Unknown: ${group.tier}, ${ownerOf(group)}${which}`,
          'RA-5, RA-5(3)',
          markdownTable(group.unknown, [...LINE_COLUMNS, { title: 'Why', text: why }]),
        ),
      ];

const nextBreaches = (report: Report): string =>
  section(
    `Next breaches, within ${counted(report.breachWithinDays, 'day')}`,
    'SI-2, SI-2(3)',
    report.nextBreaches.length === 0
      ? noneOf(report)
      : markdownTable(report.nextBreaches, [
          { title: 'When', text: ({ breachAtEpochMs }) => instant(breachAtEpochMs) },
          { title: 'Image', text: ({ places, digest }) => `${places[0] ?? 'place unknown'} ${digest.slice(0, 19)}` },
          { title: 'Owner', text: ownerOf },
          { title: 'Rule', text: ({ ruleIds }) => ruleIds.join(', ') },
        ]),
  );

function coverage({ coverage: { found, known, byState } }: Report): string {
  const states = SCAN_STATES.filter((state) => byState[state] > 0);
  const share =
    found === 0
      ? 'No image was found.'
      : `Images with a valid scan result: ${known} of ${found}. \`patchwave why IMAGE\` explains the state of each other one.`;
  return section(
    'Coverage',
    'RA-5, RA-5(3)',
    `${share}\n\n${markdownTable(states, [
      { title: 'Scan state', text: (state) => state },
      { title: 'Images', text: (state) => String(byState[state]), isNumber: true },
    ])}`,
  );
}

/** Why the image of a container is not known, and the next step. */
const UNRESOLVED_TEXT: Readonly<Record<UnresolvedContainer['reason'], string>> = {
  'no-reference': 'it has no image reference, and its container runtime reports no digest',
  'reference-unreadable': 'its image reference is not valid: correct it',
  'tag-unknown':
    'its container runtime reports no digest, and no push of its tag from before it started is recorded: name the image by digest',
  'digest-unknown': 'its container runtime reports no digest: name the image by digest',
};

/** Empty if no person has to look at a service at zero, or has. */
function atZero({
  servicesAtZero: { unused, confirmed, over } = { unused: [], confirmed: [], over: [] },
}: Report): string {
  const service = { text: (one: ServiceAtZero) => serviceKeyOf(one) };
  const who = { title: 'By', text: (one: ServiceAtZero) => one.confirmed?.by ?? '-' };
  const end = { title: 'Until', text: (one: ServiceAtZero) => instant(one.confirmed?.untilEpochMs ?? 0) };
  const parts = [
    markdownTable(unused.slice(0, MOST_SERVICES), [
      { title: `At zero for ${UNUSED_AFTER_DAYS} days, and nothing schedules it`, ...service },
      { title: 'Since', text: ({ sinceEpochMs }) => instant(sinceEpochMs) },
      {
        title: 'Next',
        text: (one) =>
          `delete it, or: patchwave confirm-unused ${serviceKeyOf(one)} --by NAME --until DATE --reason TEXT`,
      },
    ]),
    markdownTable(confirmed.slice(0, MOST_SERVICES), [
      { title: 'Confirmed as unused: closures do not wait for it', ...service },
      ...[who, end],
      { title: 'Reason', text: ({ confirmed: one }) => one?.reason ?? '-' },
    ]),
    markdownTable(over.slice(0, MOST_SERVICES), [
      { title: 'The confirmation counts no more', ...service },
      ...[who, end],
      { title: 'Why', text: overText },
    ]),
  ].filter((part) => part !== '');
  const more = [unused, confirmed, over].reduce((sum, { length }) => sum + Math.max(0, length - MOST_SERVICES), 0);
  if (more > 0) parts.push(`And ${counted(more, 'other service')}: see the JSON of this report.`);
  return parts.length === 0 ? '' : section('Services at zero', 'CM-8, SI-2', parts.join('\n\n'));
}

const MOST_SERVICES = 100;

/** What the review did not see. */
function gaps({ failures, skippedScopes, leftScopes, unreadStarts = [], witnessed = [], unresolved }: Report): string {
  const failed = markdownTable(failures, [
    { title: 'What failed', text: ({ kind, key }) => `${kind} ${key}` },
    { title: 'Error', text: ({ error }) => error },
    { title: 'Detail', text: ({ detail }) => detail },
  ]);
  const skipped = markdownTable(skippedScopes, [
    { title: 'Scope left out', text: ({ scope }) => keyOfScope(scope) },
    { title: 'Why', text: ({ reason }) => reason },
  ]);
  const left = markdownTable(leftScopes, [
    { title: 'Scope no longer in the fleet', text: ({ scope }) => keyOfScope(scope) },
    { title: 'Since', text: ({ atEpochMs }) => instant(atEpochMs) },
    { title: 'Containers last seen', text: ({ usages }) => String(usages), isNumber: true },
    {
      title: 'Next',
      text: ({ scope, usages }) =>
        usages > 0
          ? `if the containers are gone: patchwave confirm-left ${keyOfScope(scope)} --reason TEXT; otherwise bring the scope back: add its account to the organization or to the scopes of the policy, enable its Region, or for EKS set ReadEks=true`
          : 'nothing to do: no workload ran there',
    },
  ]);
  const starts = markdownTable(unreadStarts, [
    { title: 'What may start and could not be read', text: ({ list }) => startsText(list) },
    { title: 'Where', text: ({ scope }) => keyOfScope(scope) },
    { title: 'Why, and what to do', text: ({ problem, nextStep }) => `${problem}. ${nextStep}` },
  ]);
  const inUse = markdownTable(witnessed, [
    { title: 'In use by Amazon Inspector, and run by nothing that a review read', text: witnessedText },
    {
      title: 'A closure waits for it',
      text: ({ stream, deadlineEpochMs }) => `${stream}, until ${instant(deadlineEpochMs)}`,
    },
    {
      title: 'Next',
      text: () => 'find what runs it: aws inspector2 get-clusters-for-image; add that account to the policy',
    },
  ]);
  const containers = markdownTable(unresolved, [
    {
      title: 'Container whose image is not known',
      text: ({ observation: o }) =>
        `${o.account}/${o.region} ${o.cluster} ${o.workload} ${o.container}${o.isPossible ? ' (may start)' : ''}`,
    },
    { title: 'Reference', text: ({ observation }) => observation.reference ?? '-' },
    { title: 'Why, and what to do', text: ({ reason }) => UNRESOLVED_TEXT[reason] },
  ]);
  const parts = [failed, skipped, left, starts, inUse, containers].filter((part) => part !== '');
  return section(
    'Not seen',
    'CM-8, CM-8(3)',
    `${parts.join('\n\n') || 'Every scope was read, and the image of every container is known.'}\n\n${NO_SOURCE}`,
  );
}

/** What no list of AWS shows. */
const NO_SOURCE =
  'No review sees a task of ECS that Step Functions, AWS Batch, a program or a person starts, and that ends before the next review.';

const waivers = (report: Report): string => {
  const { waivers: all, generatedAtEpochMs: now } = report;
  return section(
    'Waivers',
    'RA-5',
    all.length === 0
      ? noneOf(report)
      : markdownTable(all, [
          { title: 'Waiver', text: ({ id }) => id },
          { title: 'Waives', text: ({ waives }) => waives },
          { title: 'Where', text: ({ scope }) => scope },
          { title: 'Author', text: ({ author }) => author },
          { title: 'Images', text: ({ images }) => String(images), isNumber: true },
          {
            title: 'State',
            text: ({ state, voidFromEpochMs: at }) =>
              state === 'in-force' && at - now <= WAIVER_NOTICE_DAYS * DAY_MS ? 'ends soon' : state,
          },
          { title: 'Ends', text: ({ voidFromEpochMs: at }) => instant(at) },
          { title: 'Reason', text: ({ reason }) => reason },
        ]),
  );
};
