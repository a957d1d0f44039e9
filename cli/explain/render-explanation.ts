import type { OldestBelow } from '../../shared/domain/age/image-lineage.ts';
import type { Pinned, Rebuild, RebuildHistory, RefusedClaim } from '../../shared/domain/cause/rebuild.ts';
import { counted, countedInARow } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { LocationRecord } from '../../shared/domain/image/image-properties.ts';
import { referencesOf, type Usage } from '../../shared/domain/image/usage.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { LayerDisagreement } from '../../shared/domain/verdict/layer-disagreement.ts';
import { reasonInFull } from '../../shared/domain/verdict/reason-text.ts';
import { type Reason, verdictText } from '../../shared/domain/verdict/verdict.ts';
import { answerSentences } from '../acting/answer-text.ts';
import type { CurrentCause } from '../acting/current-answer.ts';
import {
  factsText,
  outcomeText,
  renderClosures,
  renderDeployments,
  renderNodes,
  renderWaiting,
  WAITING,
} from '../acting/render-acting.ts';
import { type Colour, fitted, paint, relative, shortDigest, type TableColumn, table } from '../output.ts';
import { renderImageExpiries } from '../protection/render-expiries.ts';
import { renderUndeployed, UNDEPLOYED } from '../undeployed.ts';
import { VERDICT_COLOURS } from '../verdict-status.ts';
import type { ImageExplanation } from './explain.ts';
import { renderOldParent, renderOutside } from './render-next-step.ts';

const EFFECT_COLOURS: Readonly<Record<Reason['effect'], Colour>> = {
  violates: 'red',
  unknown: 'yellow',
  due: 'cyan',
  waived: 'dim',
};

/**
 * One image's explanation as a page of text.
 * @param inForce the version of the policy in force; absent where there is none
 */
export function renderExplanation(explanation: ImageExplanation, now: number, inForce?: string): string {
  const {
    image,
    locations,
    usages,
    undeployed,
    left,
    protection,
    waitingForVendors: waiting,
    layerDisagreements: layers,
    builtBy,
  } = explanation;
  const status = image.verdict?.status ?? 'unknown';
  return [
    fitted(
      `${paint('bold', image.digest)}  ${paint(VERDICT_COLOURS[status], image.verdict ? verdictText(image.verdict) : status)}`,
      2,
    ),
    facts(explanation, now, inForce),
    reasons(image.verdict?.reasons ?? [], now),
    places(locations),
    runs(usages.filter(({ isPossible }) => !isPossible)),
    mayStart(usages.filter(({ isPossible }) => isPossible)),
    undeployed.length > 0 ? `${UNDEPLOYED}:\n${renderUndeployed(undeployed)}` : '',
    left.length > 0 ? `Last seen in scopes that left the fleet:\n${runs(left)}` : '',
    renderImageExpiries(protection, usages.length > 0, now),
    builtBy && builtBy.rebuildId !== explanation.latestRebuild?.rebuildId
      ? lastRebuild(builtBy, 'Patchwave had this image built by rebuild', now)
      : '',
    ...renderStream(explanation, now),
    explanation.oldParent ? renderOldParent(explanation.oldParent, image, now) : renderOutside(image),
    layers.length > 0 ? renderLayers(layers) : '',
    waiting.length > 0 ? `${WAITING}:\n${renderWaiting(waiting, now)}` : '',
  ]
    .filter((section) => section !== '')
    .join('\n\n');
}

/** Any image in use, head or ancestor is judged again in the next review. */
function judgedBy(version: string | undefined, inForce: string | undefined): string {
  if (version === undefined) return 'not judged yet';
  const judgedVersion = version.slice(0, 12);
  return inForce === undefined || inForce === version
    ? judgedVersion
    : `${judgedVersion}; not yet judged by policy ${inForce.slice(0, 12)}, which is in force`;
}

function facts({ image, below }: ImageExplanation, now: number, inForce: string | undefined): string {
  const { birth, scan } = image;
  const age = birth.known
    ? `${instant(birth.bornAtEpochMs)} (${relative(birth.bornAtEpochMs, now)}), known from ${birth.evidence.map(({ kind }) => kind).join(', ')}`
    : 'unknown: no plausible evidence of its birth';
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
      `${scan.state}${finishedText}; covers ${scan.coverage.join(', ') || 'nothing'}${why === '' ? '' : `; ${why}`}`,
    ],
    ['findings', String(image.findingsCount ?? 'unknown')],
    ['policy', judgedBy(image.verdict?.policyVersion, inForce)],
  ];
  const more = [
    ...(image.unresolved ? [['unresolved', `${image.unresolved.code}: ${image.unresolved.detail}`] as const] : []),
    ...(image.moreReferences === undefined
      ? []
      : [
          [
            'names',
            `${image.moreReferences} more than the ledger keeps; no waiver by repository covers the image`,
          ] as const,
        ]),
  ];
  return [...rows, ...more]
    .map(([name, value]) => fitted(`  ${name.padEnd(10)}  ${visibleLine(value)}`, 14))
    .join('\n');
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
  `The scanner places these findings in another image:\n${table(all, [
    { title: 'finding', value: (one) => `${one.vulnerability} in ${one.package} ${one.version}` },
    { title: 'first image that has the finding', value: ({ attributedTo }) => shortDigest(attributedTo) },
    { title: 'first image with the layer that the scanner names', value: ({ broughtBy }) => shortDigest(broughtBy) },
    { title: 'layer', value: ({ layer }) => shortDigest(layer) },
  ])}`;

const places = (locations: readonly LocationRecord[]): string =>
  locations.length === 0
    ? ''
    : table(locations, [
        {
          title: 'repository',
          value: ({ location }) => `${location.account}/${location.region}/${location.repository}`,
        },
        { title: 'tags', value: ({ tags }) => tags.join(', ') || '-' },
      ]);

/** Evidence that this is the image. */
const DIGEST_SOURCES: Readonly<Record<Usage['digestSource'], string>> = {
  runtime: 'the container runtime',
  reference: 'the reference',
  'push-history': 'what the tag meant when it was pulled',
  'tag-guess': 'a guess: what the tag means now',
};

const USAGE_COLUMNS: readonly TableColumn<Usage>[] = [
  { title: 'cluster', value: ({ account, region, cluster }) => `${account}/${region}/${cluster}` },
  { title: 'container', value: ({ container }) => container },
  { title: 'image reference', value: (usage) => referencesOf(usage).join(', ') || 'no reference: added by AWS' },
  { title: 'digest known from', value: ({ digestSource }) => DIGEST_SOURCES[digestSource] },
];

const runs = (usages: readonly Usage[]): string =>
  usages.length === 0
    ? 'No workload runs it.'
    : table(usages, [
        { title: 'run by', value: ({ workloadKind, workload }) => `${workloadKind} ${workload}` },
        ...USAGE_COLUMNS.toSpliced(2, 0, { title: 'count', value: ({ count }) => String(count), align: 'right' }),
      ]);

/** Empty if no template names it. */
const mayStart = (usages: readonly Usage[]): string =>
  usages.length === 0
    ? ''
    : `May start without a deployment:\n${table(usages, [
        { title: 'started by', value: ({ workloadKind, workload }) => `${workloadKind} ${workload}` },
        ...USAGE_COLUMNS,
      ])}`;

/** Parent and age of an image as table lines; none before a review has read them. */
function lineageRows(
  { digest, lineage, mayLieBelow, reconfirmedAtEpochMs: again }: ImageRecord,
  below: readonly ImageRecord[],
  now: number,
): readonly (readonly [string, string])[] {
  if (!lineage) return mayLieBelow ? [['built on', `unknown: perhaps ${unread(mayLieBelow)}`]] : [];
  const name = (one: Digest): string => (one === digest ? 'the image itself' : nameOf(one, below));
  const { parent, age, staleParent, mayLieBetween, mayLieBelowNext } = lineage;
  const birthOf = ({ bornAtEpochMs, decidedBy }: OldestBelow): string =>
    `${instant(bornAtEpochMs)} (${relative(bornAtEpochMs, now)}), the birth of ${name(decidedBy)}`;
  const counts = age.known
    ? birthOf(age)
    : [
        `unknown, because the birth of ${age.unknown.map(name).join(', ')} is unknown`,
        ...(age.oldestKnown ? [birthOf(age.oldestKnown)] : []),
      ].join('; not later than ');
  return [
    ['built on', parent ? `${nameOf(parent.digest, below)}, known from ${parent.evidence}` : 'no known image'],
    ...(mayLieBetween ? [['', `perhaps also ${unread(mayLieBetween)}`] as const] : []),
    ...(mayLieBelowNext
      ? [['next build', `would have an unknown age: perhaps ${unread(mayLieBelowNext)}`] as const]
      : []),
    ...(staleParent
      ? [
          [
            'new head',
            `${shortDigest(staleParent.head)} of its parent stream ${staleParent.stream}; this image is built on an older one`,
          ] as const,
        ]
      : []),
    ['age from', counts],
    ...(again === undefined
      ? []
      : [['confirmed', `${instant(again)} (${relative(again, now)}), by a rebuild with the same content`] as const]),
  ];
}

const unread = (repositories: readonly string[]): string =>
  `built on an image of ${repositories.join(', ')}, which no review could read completely`;

function nameOf(digest: Digest, below: readonly ImageRecord[]): string {
  const image = below.find((one) => one.digest === digest);
  return [image?.tier, image?.stream, shortDigest(digest)].filter((word) => word !== undefined).join(' ');
}

/** State of the image's stream, in sections. */
function renderStream(explanation: ImageExplanation, now: number): readonly string[] {
  const { cause, node, latestRebuild, history, closures, deployments, builtBy } = explanation;
  const last =
    builtBy?.rebuildId === latestRebuild?.rebuildId ? 'Last rebuild, which built this image,' : 'Last rebuild';
  return [
    cause ? openCause(cause, now) : '',
    node ? `In cascade ${node.cascadeId}:\n${renderNodes([node])}` : '',
    latestRebuild ? lastRebuild(latestRebuild, last, now) : '',
    history ? remembered(history, now) : '',
    deployments.length > 0 ? `Deployments in progress:\n${renderDeployments(deployments)}` : '',
    closures.length > 0 ? `Verified, waiting for older images to stop:\n${renderClosures(closures, now)}` : '',
  ];
}

function openCause({ stream, facts, sinceEpochMs, takenBy, answer }: CurrentCause, now: number): string {
  const by = takenBy ? `, taken by cascade ${takenBy.cascadeId}` : '';
  const head = fitted(
    `${paint('bold', 'Open cause')} of stream ${stream} since ${instant(sinceEpochMs)}${by}: ${visibleLine(factsText(facts))}`,
    2,
  );
  if (!answer)
    return takenBy
      ? head
      : `${head}\n  The planner has not evaluated it yet, or its last answer is over. To see the result now: patchwave plan`;
  return `${head}\n${fitted(visibleLine(`  ${answerSentences(answer, now)}`), 2)}`;
}

/** What a rebuild waits for; a parked one keeps only the stream lock, until its deadline. */
function openText({ build, parked, deadlineEpochMs }: Rebuild, now: number): string {
  const state = `not finished; build ${build?.state ?? 'state not known yet'}`;
  if (!parked) return state;
  const since = `${instant(parked.sinceEpochMs)} (${relative(parked.sinceEpochMs, now)})`;
  return `${state}; waits for approval since ${since}, until ${instant(deadlineEpochMs)} at the latest. Approve or reject it in the pipeline`;
}

/** @param title what the rebuild is to the image */
function lastRebuild(rebuild: Rebuild, title: string, now: number): string {
  const { rebuildId, attempt, reservedAtEpochMs, outcome, pinned = [], refusedClaims = [] } = rebuild;
  const state = outcome ? outcomeText(outcome) : openText(rebuild, now);
  const summary = `${title} ${rebuildId}, ${instant(reservedAtEpochMs)} (${relative(reservedAtEpochMs, now)}), attempt ${attempt}: ${state}`;
  return [summary, ...refusedClaims.map(refusedText), ...pinned.map(pinnedText)]
    .map((line) => fitted(visibleLine(line), 2))
    .join('\n');
}

const refusedText = ({ digest, reason }: RefusedClaim): string =>
  `  Its pipeline reported ${shortDigest(digest)} as the new image, but Patchwave does not accept it: ${reason}.`;

/** If the image names its `FROM`, that is the line to change. */
function pinnedText({ stream, head, parentDigest: older, from }: Pinned): string {
  const parent = older === undefined ? 'an older image' : shortDigest(older);
  const began = from === undefined ? '' : `: its build began with ${from}`;
  return `  The new image is not built on head ${shortDigest(head)} of ${stream}, but on ${parent}${began}.`;
}

/** What blocks the next rebuild, and who reset the stream last. */
function remembered({ failuresInARow, survived, reset }: RebuildHistory, now: number): string {
  const lines = [
    ...(failuresInARow > 0 ? [countedInARow(failuresInARow, 'failure')] : []),
    ...(survived.length > 0 ? [`${counted(survived.length, 'fact')} that a rebuild did not fix`] : []),
    ...(reset
      ? [`reset by ${reset.by} ${instant(reset.atEpochMs)} (${relative(reset.atEpochMs, now)}): ${reset.reason}`]
      : []),
  ];
  return lines.length === 0 ? '' : fitted(visibleLine(`History: ${lines.join('; ')}`), 2);
}
