import { matchesAnyGlob } from './glob.ts';
import type { Waiver } from './policy.ts';
import type { ImageFacts } from './records.ts';
import { DAY_MS } from './time.ts';
import type { Reason } from './verdict.ts';

/** A waiver holds to the end of the day `expires`, UTC. */
export const voidFromEpochMs = ({ expires }: Pick<Waiver, 'expires'>): number => Date.parse(expires) + DAY_MS;

export const isInForce = (waiver: Pick<Waiver, 'created' | 'expires'>, nowEpochMs: number): boolean =>
  Date.parse(waiver.created) <= nowEpochMs && nowEpochMs < voidFromEpochMs(waiver);

type WaivedImage = Pick<ImageFacts, 'locations' | 'references' | 'owner'>;

/** The waiver of a reason that holds longest; `undefined` where none does. */
export function waiverOf(
  waivers: readonly Waiver[],
  image: WaivedImage,
  reason: Reason,
  nowEpochMs: number,
): Waiver | undefined {
  return waivers
    .filter((waiver) => isInForce(waiver, nowEpochMs) && names(waiver, reason) && covers(waiver, image, reason))
    .sort((one, other) => voidFromEpochMs(other) - voidFromEpochMs(one) || (one.id < other.id ? -1 : 1))[0];
}

const names = ({ finding, rule }: Waiver, reason: Reason): boolean =>
  finding === undefined ? rule === reason.ruleId : reason.kind === 'finding' && finding === reason.vulnerability;

/** Every place of the image lies in the scope: content that is also kept elsewhere was not accepted there. */
function covers({ scope }: Waiver, image: WaivedImage, reason: Reason): boolean {
  const { repositories, account, package: name, owner } = scope;
  if (owner !== undefined && owner !== image.owner) return false;
  if (name !== undefined && !(reason.kind === 'finding' && reason.package === name)) return false;
  if (account !== undefined && !everyOne(image.locations, (location) => location.account === account)) return false;
  return repositories === undefined || everyOne(paths(image), (path) => matchesAnyGlob(repositories, path));
}

const paths = ({ locations, references = [] }: WaivedImage): string[] => [
  ...locations.map(({ repository }) => repository),
  ...references.map((reference) => reference.slice(reference.indexOf('/') + 1)),
];

/** An empty list proves nothing. */
const everyOne = <Item>(items: readonly Item[], holds: (item: Item) => boolean): boolean =>
  items.length > 0 && items.every(holds);
