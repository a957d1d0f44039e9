import { counted } from '../common/counted.ts';
import { type MarkdownColumn, plainText, section, table } from '../common/markdown.ts';
import { DAY_MS, instant } from '../common/time.ts';
import { visibleText } from '../common/visible-text.ts';
import { SCAN_STATES } from '../scan/scan.ts';
import { reasonText } from '../verdict/reason-text.ts';
import type { Report, ReportGroup, ReportLine, ReportSums } from './report.ts';
import { expiries } from './report-expiries.ts';
import {
  found,
  layerDisagreements,
  ownerOf,
  pendingRebuilds,
  policyGaps,
  setAside,
  waitingForVendors,
} from './report-work.ts';

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
    ...report.ancestors.groups.flatMap((group) => violating(group, ONLY_ANCESTORS)),
    ...report.ancestors.groups.flatMap((group) => unknown(group, ONLY_ANCESTORS)),
    nextBreaches(report),
    expiries(report),
    coverage(report),
    gaps(report),
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

/** Ancestor images: not running themselves, but running images are built on them. */
const ONLY_ANCESTORS = ' (ancestors, not running)';

function heading(report: Report): string {
  const { review, images, groups, ancestors, generatedAtEpochMs, coverage } = report;
  const { found, known } = coverage;
  const { runId, state, mode, policyVersion, startedAtEpochMs, failure } = review;
  const outcome = failure ? `${state}: ${plainText(failure.detail)}` : state;
  return [
    '# Fleet review',
    '',
    `Run ${runId} (${mode}) of ${instant(startedAtEpochMs)}: **${outcome}**. Policy \`${policyVersion.slice(0, 12)}\`. Written ${instant(generatedAtEpochMs)}.`,
    '',
    ...withoutPolicy(report).flatMap((text) => [text, '']),
    `${counted(found, 'running image')}: ${inWords(images)}. ${known} of ${found} have a scan result that is still valid.`,
    '',
    table(groups, GROUP_COLUMNS),
    ...(ancestors.groups.length === 0
      ? []
      : [
          '',
          `Ancestors that these are built on: ${inWords(ancestors.images)}.`,
          '',
          table(ancestors.groups, GROUP_COLUMNS),
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

const inWords = ({ violating: bad, unknown: unclear, compliant, unjudged }: ReportSums): string =>
  `${bad} violating, ${unclear} unknown, ${compliant} compliant${unjudged > 0 ? `, ${unjudged} not judged` : ''}`;

const GROUP_COLUMNS: readonly MarkdownColumn<ReportGroup>[] = [
  { title: 'Tier', text: ({ tier }) => tier },
  { title: 'Owner', text: ownerOf },
  { title: 'Violating', text: (group) => String(group.violating.length), isNumber: true },
  { title: 'Unknown', text: (group) => String(group.unknown.length), isNumber: true },
  { title: 'Compliant', text: ({ compliant }) => String(compliant), isNumber: true },
  { title: 'Not judged', text: ({ unjudged }) => String(unjudged.length), isNumber: true },
];

const LINE_COLUMNS: readonly MarkdownColumn<ReportLine>[] = [
  { title: 'Image', text: ({ places, digest }) => `${places[0] ?? 'place unknown'} ${digest.slice(0, 19)}` },
  { title: 'Run by', text: ({ workloads }) => workloads.join(', ') || '-' },
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
          table(group.violating, [
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
          table(group.unknown, [...LINE_COLUMNS, { title: 'Why', text: why }]),
        ),
      ];

const nextBreaches = (report: Report): string =>
  section(
    `Next breaches, within ${report.breachWithinDays} days`,
    'SI-2, SI-2(3)',
    report.nextBreaches.length === 0
      ? noneOf(report)
      : table(report.nextBreaches, [
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
      : `${known} of ${counted(found, 'image')} have a scan result that is still valid.`;
  return section(
    'Coverage',
    'RA-5, RA-5(3)',
    `${share}\n\n${table(states, [
      { title: 'Scan state', text: (state) => state },
      { title: 'Images', text: (state) => String(byState[state]), isNumber: true },
    ])}`,
  );
}

/** What the review did not see. */
function gaps({ failures, skippedScopes, leftScopes, unresolved }: Report): string {
  const failed = table(failures, [
    { title: 'What failed', text: ({ kind, key }) => `${kind} ${key}` },
    { title: 'Error', text: ({ error }) => error },
    { title: 'Detail', text: ({ detail }) => detail },
  ]);
  const skipped = table(skippedScopes, [
    { title: 'Scope left out', text: ({ scope: { account, region } }) => `${account}/${region}` },
    { title: 'Why', text: ({ reason }) => reason },
  ]);
  const left = table(leftScopes, [
    { title: 'Scope that left', text: ({ scope: { account, region } }) => `${account}/${region}` },
    { title: 'Since', text: ({ atEpochMs }) => instant(atEpochMs) },
    { title: 'Out of sight', text: ({ usages }) => String(usages), isNumber: true },
    {
      title: 'Next',
      text: ({ scope: { account, region }, usages }) =>
        usages > 0
          ? `patchwave confirm-left ${account}/${region}, or add the scope again`
          : 'nothing to do: no workload ran there',
    },
  ]);
  const containers = table(unresolved, [
    {
      title: 'Container of unknown image',
      text: ({ observation: o }) => `${o.account}/${o.region} ${o.cluster} ${o.workload} ${o.container}`,
    },
    { title: 'Reference', text: ({ observation }) => observation.reference ?? '-' },
    { title: 'Why', text: ({ reason }) => reason },
  ]);
  const parts = [failed, skipped, left, containers].filter((part) => part !== '');
  return section(
    'Not seen',
    'CM-8, CM-8(3)',
    parts.join('\n\n') || 'All scopes were read and all containers resolved.',
  );
}

const waivers = (report: Report): string => {
  const { waivers: all, generatedAtEpochMs: now } = report;
  return section(
    'Waivers',
    'RA-5',
    all.length === 0
      ? noneOf(report)
      : table(all, [
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
