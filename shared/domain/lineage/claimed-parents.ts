import { type Digest, type IndexChild, isDigest, type Platform } from '../image/image.ts';
import { type ImageReference, readImageReference, referenceName } from '../image/reference.ts';
import { byVariant, type LayeredImage, mayBear, pushedFirst, pushOf } from './layered-image.ts';
import { Variants } from './variants.ts';

/** A claimed parent, named by a builder in a label or in provenance, or by the policy. */
export interface Claimed {
  readonly image: LayeredImage;
  readonly evidence: 'label-digest' | 'provenance' | 'label-name' | 'declared';
}

/** https://github.com/opencontainers/image-spec/blob/main/annotations.md */
const BASE_DIGEST = 'org.opencontainers.image.base.digest';
const BASE_NAME = 'org.opencontainers.image.base.name';

/** Parent digests named by labels and provenance; they may be those of indexes. */
export const digestsClaimed = (image: Pick<LayeredImage, 'labels' | 'materials'>): readonly Digest[] => [
  ...[image.labels?.[BASE_DIGEST], referenceClaimed(image)?.digest].filter(isDigest),
  ...(image.materials ?? []),
];

/** The parent reference named by a label, if it is a valid one. */
export const referenceClaimed = ({ labels }: Pick<LayeredImage, 'labels'>): ImageReference | undefined =>
  readImageReference(labels?.[BASE_NAME]);

type Indexes = ReadonlyMap<Digest, readonly IndexChild[]>;

/** Successive images of one name or stream on one platform. */
interface Sequence {
  readonly platform: Platform;
  readonly inOrder: readonly LayeredImage[];
}
type ByKey = ReadonlyMap<string, Variants<Sequence>>;

/** Looks up claimed parents, only for images whose content shows no parent. */
export class Claims {
  readonly #images: ReadonlyMap<Digest, LayeredImage>;
  readonly #indexes: Indexes;
  #named?: ByKey;
  #streams?: ByKey;

  constructor(images: ReadonlyMap<Digest, LayeredImage>, indexes: Indexes) {
    this.#images = images;
    this.#indexes = indexes;
  }

  /** Children inherit labels, and names move, so the digest counts before the name. */
  parentOf(child: LayeredImage): Claimed | undefined {
    const reference = referenceClaimed(child);
    const digest = this.#byDigest(child, child.labels?.[BASE_DIGEST] ?? reference?.digest);
    if (digest) return { image: digest, evidence: 'label-digest' };
    const read = this.#byMaterials(child);
    if (read) return { image: read, evidence: 'provenance' };
    const named = reference && firstOf(keysOf(reference), (key) => latest(this.#withName(key), child));
    if (named) return { image: named, evidence: 'label-name' };
    const declared = firstOf(child.declaredParents ?? [], (stream) => latest(this.#ofStream(stream), child));
    return declared && { image: declared, evidence: 'declared' };
  }

  /** The digest of an index stands for its image on the child's platform. */
  #byDigest(child: LayeredImage, digest: string | undefined): LayeredImage | undefined {
    if (!isDigest(digest)) return undefined;
    const digests = [digest, ...(this.#indexes.get(digest) ?? []).map((image) => image.digest)];
    const known = digests
      .flatMap((each) => this.#images.get(each) ?? [])
      .filter((image) => image.digest !== child.digest && mayBear(image));
    return sequencesOf(known).bestFor(child)[0]?.inOrder[0];
  }

  /** A build with several stages reads several images, and provenance does not say on which one the last stage is. */
  #byMaterials(child: LayeredImage): LayeredImage | undefined {
    const known = (child.materials ?? []).flatMap((material) => this.#byDigest(child, material) ?? []);
    const [only, ...others] = new Set(known);
    return others.length === 0 ? only : undefined;
  }

  #withName(name: string) {
    this.#named ??= byKey(this.#images.values(), (image) => (image.names ?? []).flatMap(namesOf));
    return this.#named.get(name);
  }

  #ofStream(stream: string) {
    this.#streams ??= byKey(this.#images.values(), (image) => (image.stream === undefined ? [] : [image.stream]));
    return this.#streams.get(stream);
  }
}

const sequencesOf = (images: readonly LayeredImage[]): Variants<Sequence> =>
  new Variants(byVariant(images).map(([platform, group]) => ({ platform, inOrder: group.sort(pushedFirst) })));

function byKey(images: Iterable<LayeredImage>, keysOf: (image: LayeredImage) => readonly string[]): ByKey {
  const found = new Map<string, LayeredImage[]>();
  for (const image of images) {
    if (!mayBear(image)) continue;
    for (const key of new Set(keysOf(image))) {
      const list = found.get(key);
      if (list) list.push(image);
      else found.set(key, [image]);
    }
  }
  return new Map([...found].map(([key, list]) => [key, sequencesOf(list)]));
}

const latest = (sequences: Variants<Sequence> | undefined, child: LayeredImage): LayeredImage | undefined =>
  firstOf(sequences?.bestFor(child) ?? [], ({ inOrder }) => latestBefore(inOrder, child));

/**
 * The last one pushed before the child, because the name may have moved since. If the child's push is unknown, a single
 * image is the answer, and several give none.
 */
function latestBefore(inOrder: readonly LayeredImage[], child: LayeredImage): LayeredImage | undefined {
  const others = inOrder.length === 1 && inOrder[0]?.digest === child.digest ? [] : inOrder;
  const [only] = others;
  const isCertain = others.length === 1 && [child, only].some((each) => each?.firstPushedAtEpochMs === undefined);
  if (isCertain) return only;
  if (child.firstPushedAtEpochMs === undefined) return undefined;
  const last = pushedUntil(others, child.firstPushedAtEpochMs) - 1;
  return others[last]?.digest === child.digest ? others[last - 1] : others[last];
}

/** The number pushed at or before an instant, by binary search, because a stream has many images and many children. */
function pushedUntil(inOrder: readonly LayeredImage[], untilEpochMs: number): number {
  let [low, high] = [0, inOrder.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const image = inOrder[middle];
    if (image && pushOf(image) <= untilEpochMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A repository is often given without its host, so the path alone must match. */
const keysOf = (reference: ImageReference): readonly string[] => [
  `${referenceName(reference)}:${reference.tag}`,
  `/${reference.repository}:${reference.tag}`,
];

function namesOf(name: string): readonly string[] {
  const reference = readImageReference(name);
  if (!reference) return [];
  const isWithoutHost = !/^[^/]*[.:][^/]*\//.test(name);
  return keysOf(reference).slice(0, isWithoutHost ? 2 : 1);
}

function firstOf<From, Found>(all: readonly From[], find: (each: From) => Found | undefined): Found | undefined {
  for (const each of all) {
    const found = find(each);
    if (found) return found;
  }
  return undefined;
}
