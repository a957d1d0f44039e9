import { instant } from '../../shared/domain/common/time.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { LocationRecord } from '../../shared/domain/image/image-facts.ts';
import { referencesOf, type Usage } from '../../shared/domain/image/usage.ts';
import type { LayerDisagreement } from '../../shared/domain/verdict/layer-attribution.ts';
import { reasonInFull } from '../../shared/domain/verdict/reason-text.ts';
import type { Reason, VerdictStatus } from '../../shared/domain/verdict/verdict.ts';
import { renderWaiting, WAITING } from '../acting/render-acting.ts';
import { type Colour, paint, relative, shortDigest, table } from '../output.ts';
import { renderImageExpiries } from '../protection/render-expiries.ts';
import type { ImageExplanation } from './explain.ts';
import { lineageRows } from './render-lineage.ts';
import { renderStream } from './render-stream.ts';

const VERDICT_COLOURS: Readonly<Record<VerdictStatus, Colour>> = {
  compliant: 'green',
  violating: 'red',
  unknown: 'yellow',
};

const EFFECT_COLOURS: Readonly<Record<Reason['effect'], Colour>> = {
  violates: 'red',
  unknown: 'yellow',
  due: 'cyan',
  waived: 'dim',
};

/** One image's explanation as a page of text. */
/** @param inForce the version of the policy in force; absent where there is none */
export function renderExplanation(explanation: ImageExplanation, now: number, inForce?: string): string {
  const {
    image,
    locations,
    usages,
    left,
    protection,
    waitingForVendors: waiting,
    layerDisagreements: layers,
  } = explanation;
  const status = image.verdict?.status ?? 'unknown';
  return [
    `${paint('bold', image.digest)}  ${paint(VERDICT_COLOURS[status], status)}`,
    facts(explanation, now, inForce),
    reasons(image.verdict?.reasons ?? [], now),
    places(locations),
    runs(usages),
    left.length > 0 ? `Out of sight, in scopes that left:\n${runs(left)}` : '',
    renderImageExpiries(protection, usages.length > 0, now),
    ...renderStream(explanation, now),
    layers.length > 0 ? renderLayers(layers) : '',
    waiting.length > 0 ? `${WAITING}:\n${renderWaiting(waiting, now)}` : '',
  ]
    .filter((section) => section !== '')
    .join('\n\n');
}

/** An image is judged again by the next review that finds it in use, a head, or below one. */
function judgedBy(version: string | undefined, inForce: string | undefined): string {
  if (version === undefined) return 'not judged yet';
  const told = version.slice(0, 12);
  return inForce === undefined || inForce === version
    ? told
    : `${told}, an earlier one: ${inForce.slice(0, 12)} is in force, and has not judged it yet`;
}

function facts({ image, below }: ImageExplanation, now: number, inForce: string | undefined): string {
  const { birth, scan } = image;
  const age = birth.known
    ? `${instant(birth.bornAtEpochMs)} (${relative(birth.bornAtEpochMs, now)}), by ${birth.evidence.map(({ kind }) => kind).join(', ')}`
    : 'unknown: no plausible evidence';
  const finishedText = scan.completedAtEpochMs === undefined ? '' : `, finished ${instant(scan.completedAtEpochMs)}`;
  const why = [scan.reason, scan.detail].filter((text) => text !== undefined).join(': ');
  const rows: readonly (readonly [string, string])[] = [
    ['tier', image.tier],
    ['stream', image.stream ?? 'none'],
    ['owner', image.owner ?? 'unknown'],
    ['platform', image.platform ?? 'unknown'],
    ['born', age],
    ...lineageRows(image, below, now),
    [
      'scan',
      `${scan.state}${why === '' ? '' : ` (${why})`}${finishedText}; looks at ${scan.coverage.join(', ') || 'nothing'}`,
    ],
    ['findings', String(image.findingsCount ?? 'unknown')],
    ['policy', judgedBy(image.verdict?.policyVersion, inForce)],
  ];
  const unresolved = image.unresolved
    ? [['unresolved', `${image.unresolved.code}: ${image.unresolved.detail}`] as const]
    : [];
  return [...rows, ...unresolved].map(([name, value]) => `  ${name.padEnd(10)}  ${visibleLine(value)}`).join('\n');
}

function reasons(all: readonly Reason[], now: number): string {
  if (all.length === 0) return '';
  return table(all, [
    { title: 'rule', value: ({ ruleId }) => ruleId },
    { title: 'effect', value: ({ effect }) => effect, colour: ({ effect }) => EFFECT_COLOURS[effect] },
    {
      title: 'deadline',
      value: ({ deadlineEpochMs: at }) => (at === undefined ? '-' : `${instant(at)} (${relative(at, now)})`),
    },
    { title: 'why', value: reasonInFull },
  ]);
}

const renderLayers = (all: readonly LayerDisagreement[]): string =>
  `The layer that the scanner names says otherwise than what the findings are attributed by:\n${table(all, [
    { title: 'finding', value: (one) => `${one.vulnerability} in ${one.package} ${one.version}` },
    { title: 'lowest image that has it', value: ({ attributedTo }) => shortDigest(attributedTo) },
    { title: 'lowest image with the layer', value: ({ broughtBy }) => shortDigest(broughtBy) },
    { title: 'layer', value: ({ layer }) => shortDigest(layer) },
  ])}`;

const places = (locations: readonly LocationRecord[]): string =>
  locations.length === 0
    ? ''
    : table(locations, [
        { title: 'kept in', value: ({ location }) => `${location.account}/${location.region}/${location.repository}` },
        { title: 'tags', value: ({ tags }) => tags.join(', ') || '-' },
      ]);

/** How it is known that this is the image. */
const DIGEST_SOURCES: Readonly<Record<Usage['digestSource'], string>> = {
  runtime: 'ECS',
  reference: 'the reference',
  'push-history': 'what the tag meant when it was pulled',
  'tag-guess': 'a guess: what the tag means now',
};

const runs = (usages: readonly Usage[]): string =>
  usages.length === 0
    ? 'Nothing runs it.'
    : table(usages, [
        { title: 'run by', value: ({ workloadKind, workload }) => `${workloadKind} ${workload}` },
        { title: 'cluster', value: ({ account, region, cluster }) => `${account}/${region}/${cluster}` },
        { title: 'container', value: ({ container }) => container },
        { title: 'count', value: ({ count }) => String(count), align: 'right' },
        { title: 'asked for as', value: (usage) => referencesOf(usage).join(', ') || 'no reference: added by AWS' },
        { title: 'digest by', value: ({ digestSource }) => DIGEST_SOURCES[digestSource] },
      ]);
