import { matchesAnyGlob } from '../common/glob.ts';
import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import type { ImageFacts } from '../image/image-facts.ts';
import type { LineageEvidence } from '../lineage/parent.ts';
import type { Waiver } from '../policy/policy.ts';
import type { Finding } from '../scan/finding.ts';
import type { Reason } from './verdict.ts';

/** A waiver holds to the end of the day `expires`, UTC. */
export const voidFromEpochMs = ({ expires }: Pick<Waiver, 'expires'>): number => Date.parse(expires) + DAY_MS;

export const isInForce = (waiver: Pick<Waiver, 'created' | 'expires'>, nowEpochMs: number): boolean =>
  Date.parse(waiver.created) <= nowEpochMs && nowEpochMs < voidFromEpochMs(waiver);

type WaivedImage = Pick<ImageFacts, 'locations' | 'references' | 'owner'>;

/** An image that another one is built on, as far as a waiver of it reaches what is built on it. */
export interface WaivedAncestor extends WaivedImage {
  readonly digest: Digest;
  /** Of its last complete scan; absent where nobody has them at hand: then no finding is inherited from it. */
  readonly findings?: readonly Finding[];
}

/** A waiver of a reason. */
export interface Acceptance {
  readonly waiver: Waiver;
  /** The image below whose waiver it is; absent where it is the image's own. */
  readonly through?: Digest;
}

/**
 * Links of a lineage that a waiver goes up along. Anybody can write a label, so a label extends no waiver; and an image
 * that was only pushed later than another one with the same content is not built on that one.
 */
export const WAIVED_ALONG: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids', 'declared'];

/**
 * The waiver of a reason that holds longest, of equal ones the image's own; `undefined` where none does. A waiver of an
 * image below covers what the image inherits from that one: a finding of the same package in the same version that the
 * one below has as well, or an age that the one below decides. What the image brought in itself it does not cover.
 */
export function waiverOf(
  waivers: readonly Waiver[],
  image: WaivedImage,
  reason: Reason,
  nowEpochMs: number,
  ancestors: readonly WaivedAncestor[] = [],
): Acceptance | undefined {
  const named = waivers.filter((waiver) => isInForce(waiver, nowEpochMs) && names(waiver, reason));
  const accepted = named.flatMap((waiver): readonly Acceptance[] => {
    if (covers(waiver, image)) return [{ waiver }];
    const below = ancestors.find((ancestor) => covers(waiver, ancestor) && isInherited(reason, ancestor));
    return below ? [{ waiver, through: below.digest }] : [];
  });
  return accepted.sort(
    (one, other) =>
      voidFromEpochMs(other.waiver) - voidFromEpochMs(one.waiver) ||
      Number(one.through !== undefined) - Number(other.through !== undefined) ||
      (one.waiver.id < other.waiver.id ? -1 : 1),
  )[0];
}

/** Waivers in force that do not cover an image, and may cover what it inherits. */
export const waiversOfOthers = (
  waivers: readonly Waiver[],
  image: WaivedImage,
  nowEpochMs: number,
): readonly Waiver[] => waivers.filter((waiver) => isInForce(waiver, nowEpochMs) && !covers(waiver, image));

const names = ({ finding, rule, scope }: Waiver, reason: Reason): boolean => {
  const isNamed = finding === undefined ? rule === reason.ruleId : isOf(reason, finding);
  return isNamed && (scope.package === undefined || (reason.kind === 'finding' && reason.package === scope.package));
};

const isOf = (reason: Reason, vulnerability: string): boolean =>
  reason.kind === 'finding' && reason.vulnerability === vulnerability;

/** Every place of the image lies in the scope: content that is also kept elsewhere was not accepted there. */
export function covers({ scope }: Pick<Waiver, 'scope'>, image: WaivedImage): boolean {
  const { repositories, account, owner } = scope;
  if (owner !== undefined && owner !== image.owner) return false;
  if (account !== undefined && !everyOne(image.locations, (location) => location.account === account)) return false;
  return repositories === undefined || everyOne(paths(image), (path) => matchesAnyGlob(repositories, path));
}

function isInherited(reason: Reason, { digest, findings = [] }: WaivedAncestor): boolean {
  if (reason.kind === 'age') return reason.decidedBy === digest;
  return reason.kind === 'finding' && findings.some((finding) => isSame(finding, reason));
}

type Found = Pick<Finding, 'vulnerability' | 'package' | 'version' | 'layer'>;

/** Scanners leave out what they do not know: nothing proves then that two findings are the same. */
function isSame(one: Found, other: Found): boolean {
  const isTold = one.package !== '' && one.version !== '';
  const isOfOneLayer = one.layer === undefined || other.layer === undefined || one.layer === other.layer;
  const isEqual =
    one.vulnerability === other.vulnerability && one.package === other.package && one.version === other.version;
  return isTold && isOfOneLayer && isEqual;
}

const paths = ({ locations, references = [] }: WaivedImage): string[] => [
  ...locations.map(({ repository }) => repository),
  ...references.map((reference) => reference.slice(reference.indexOf('/') + 1)),
];

/** An empty list proves nothing. */
const everyOne = <Item>(items: readonly Item[], holds: (item: Item) => boolean): boolean =>
  items.length > 0 && items.every(holds);
