import { mapConcurrently } from '../concurrency.ts';
import {
  type Artifact,
  type Digest,
  type IndexChild,
  type IndexStep,
  NO_PLATFORM,
  type Platform,
} from '../domain/image/image.ts';
import type { ManifestLookup } from '../ports/registry.ts';
import type { ImageManifest, IndexEntry, IndexManifest } from './manifest.ts';

/** Indexes inside an index are followed so deep; the index itself has depth 0. */
export const DEEPEST = 3;
/** Of an index and the indexes inside it, without attestations. Real ones have some dozens. */
export const MOST_ENTRIES = 256;
/** What the ledger keeps of an index, in characters. An item of DynamoDB holds 400 KB. */
const MOST_CHARACTERS = 200_000;
/** ECR allows 3,000 `GetDownloadUrlForLayer` a second for each Region. */
const CONFIGS_AT_ONCE = 8;

type Missing = ManifestLookup['missing'][number];
type Problem = Omit<Missing, 'digest'>;

export type FoundManifest = ImageManifest | IndexManifest | Missing;

/** The repository of an index. */
export interface IndexReads {
  manifests(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, FoundManifest>>;
  /** What the config of an image says. */
  platform(image: ImageManifest): Promise<Platform | Missing>;
}

/**
 * The images of an index, also those of indexes inside it. A manifest and a config are read only for an image whose platform the
 * index does not name. An index that cannot be followed to each of its images is missing, with the reason.
 */
export async function readIndex(
  { entries, ...index }: IndexManifest,
  reads: IndexReads,
): Promise<Extract<Artifact, { kind: 'index' }> | Missing> {
  const children = await new IndexReader(reads).childrenOf(entries, 0);
  if ('code' in children) return { digest: index.digest, ...children };
  if (JSON.stringify(children).length > MOST_CHARACTERS)
    return { digest: index.digest, ...tooLarge(`more than ${MOST_CHARACTERS} characters of images and platforms`) };
  return { ...index, children };
}

const tooLarge = (what: string): Problem => ({
  code: 'index-too-large',
  detail: `This index has ${what}. Build an index of fewer images.`,
});

class IndexReader {
  readonly #reads: IndexReads;
  #entries = 0;

  constructor(reads: IndexReads) {
    this.#reads = reads;
  }

  async childrenOf(entries: readonly IndexEntry[], depth: number): Promise<readonly IndexChild[] | Problem> {
    this.#entries += entries.length;
    if (this.#entries > MOST_ENTRIES) return tooLarge(`more than ${MOST_ENTRIES} entries`);
    if (entries.every(isPlain))
      return entries.map(({ digest, platform = NO_PLATFORM, attestation }) => child(digest, platform, attestation));
    const inner = entries.find(({ holds }) => holds === 'index');
    if (inner && depth === DEEPEST) return tooDeep(inner.digest);
    const unread = entries.filter((entry) => entry.holds !== 'something-else' && !isPlain(entry));
    const found = await this.#reads.manifests([...new Set(unread.map(({ digest }) => digest))]);
    const lists = await mapConcurrently(entries, CONFIGS_AT_ONCE, (entry) => this.#under(entry, found, depth));
    const problem = lists.find((list) => 'code' in list);
    if (problem) return problem;
    return withSteps(entries, lists as readonly (readonly IndexChild[])[]);
  }

  /** The images that an entry leads to. */
  async #under(
    entry: IndexEntry,
    found: ReadonlyMap<Digest, FoundManifest>,
    depth: number,
  ): Promise<readonly IndexChild[] | Problem> {
    const { digest, holds, attestation } = entry;
    if (holds === 'something-else') return [];
    if (entry.platform !== undefined && holds === 'image') return [child(digest, entry.platform, attestation)];
    const manifest = found.get(digest) ?? { digest, code: 'no-answer', detail: 'the registry did not answer for it' };
    if (holds === 'index') return this.#inside(manifest, depth + 1);
    const platform = await this.#platformOf(manifest);
    return typeof platform === 'string' ? [child(digest, platform, attestation)] : platform;
  }

  async #inside(manifest: FoundManifest, depth: number): Promise<readonly IndexChild[] | Problem> {
    const { digest } = manifest;
    const detail = (problem: string) => `${digest}, an index inside this one, cannot be read: ${problem}`;
    if (!('code' in manifest))
      return manifest.kind === 'index'
        ? this.childrenOf(manifest.entries, depth)
        : { code: 'index-incomplete', detail: detail('it is an image') };
    const code = isForGood(manifest) ? 'index-incomplete' : manifest.code;
    return { code, detail: detail(`${manifest.code}: ${manifest.detail}`) };
  }

  /** Without a manifest or a config it has none: no node starts such an image, and it is judged all the same. */
  async #platformOf(manifest: FoundManifest): Promise<Platform | Problem> {
    if ('code' in manifest) {
      const { digest, code, detail } = manifest;
      return isForGood(manifest) ? NO_PLATFORM : { code, detail: `${digest} of this index cannot be read: ${detail}` };
    }
    return manifest.kind === 'image' ? this.#reads.platform(manifest) : NO_PLATFORM;
  }
}

const isPlain = ({ holds, platform }: IndexEntry): boolean => holds === 'image' && platform !== undefined;

const child = (digest: Digest, platform: Platform, attestation: Digest | undefined): IndexChild => ({
  ...{ digest, platform },
  ...(attestation !== undefined && { attestation }),
});

const tooDeep = (digest: Digest): Problem => ({
  code: 'index-too-deep',
  detail: `Below this index, ${digest} is an index at depth ${DEEPEST + 1}. Patchwave follows them to depth ${DEEPEST}. Build an index that names its images itself.`,
});

/** What the registry will say again. Any other problem may be over at the next review. */
const isForGood = ({ code }: Problem): boolean =>
  ['unparsable', 'not-an-image', 'ImageNotFound', 'RepositoryNotFoundException'].includes(code);

/** @param lists for each entry the images that it leads to */
function withSteps(entries: readonly IndexEntry[], lists: readonly (readonly IndexChild[])[]): readonly IndexChild[] {
  const steps = entries.map(({ platform }, at): IndexStep => ({ at, ...(platform !== undefined && { platform }) }));
  const without = steps.filter(({ at }) => lists[at]?.length === 0);
  const rivals = without.length > 0 && { without };
  return lists.flatMap((children, at) =>
    children.map((one, below) => {
      const step: IndexStep = { ...(steps[at] ?? { at }), ...rivals };
      if (entries[at]?.holds !== 'index') return { ...one, path: [step] };
      return { ...one, path: [step, ...(one.path ?? [{ at: below, platform: one.platform }])] };
    }),
  );
}
