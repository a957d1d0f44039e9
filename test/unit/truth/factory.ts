import { REBUILD_LABEL } from '../../../shared/domain/cause/rebuild.ts';
import type { Digest, ImageLocation } from '../../../shared/domain/image/image.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { digestOf } from '../../support/samples.ts';
import { eventOf } from '../registry-events/support.ts';
import type { Archive, Installed } from './archive.ts';
import { HEAD_TAG, type Line } from './fleet.ts';
import {
  artifactsOf,
  configDigestOf,
  lineageOf,
  platformOf,
  type TrueArtifact,
  type TrueImage,
  type TrueLayer,
} from './images.ts';

export interface TrueBuildOrder {
  /** When it reads what there is: packages and parents. */
  readonly readAtEpochMs: number;
  readonly fromCache: boolean;
  /** The run of its pipeline; absent where its team builds by hand. */
  readonly runId?: string;
  /** Written into a label where given. */
  readonly rebuildId?: string;
  /** What its parent is; where left out, what its tag means now. */
  readonly parent?: TrueArtifact;
}

export interface FactoryWorld {
  readonly world: FakeWorld;
  readonly archive: Archive;
  readonly lines: readonly Line[];
  /** That every image has. */
  readonly labels: Readonly<Record<string, string>>;
  /** An event of a push is on its way. */
  readonly tell: (body: string) => void;
  readonly trace: (text: string) => void;
}

/** Builds and pushes images, and knows of each what it really is. */
export class Factory {
  readonly #with: FactoryWorld;
  readonly #artifacts = new Map<Digest, TrueArtifact>();
  readonly #images = new Map<Digest, TrueImage>();
  /** By line and platform: what a cache has. */
  readonly #cached = new Map<string, { readonly below: string; readonly layer: TrueLayer }>();
  /** Layers of builds that give the same for the same. */
  readonly #reproducible = new Map<Digest, TrueLayer>();
  /** What a pipeline names as its parent, where it does not follow it. */
  readonly #pinned = new Map<string, TrueArtifact>();
  readonly #counts = new Map<string, number>();
  #layers = 0;

  constructor(world: FactoryWorld) {
    this.#with = world;
  }

  artifact = (digest: Digest): TrueArtifact | undefined => this.#artifacts.get(digest);
  image = (digest: Digest): TrueImage | undefined => this.#images.get(digest);

  /** All images, in the order of their pushes, without the first ones. */
  imagesAfter = (count: number): readonly TrueImage[] =>
    this.#images.size > count ? [...this.#images.values()].slice(count) : [];

  /** All that a line ever pushed, in order. */
  madeBy = (line: string): readonly TrueArtifact[] => [...this.#artifacts.values()].filter((one) => one.line === line);

  /** Whether its registry has it yet. */
  isKept({ line, digest }: TrueArtifact): boolean {
    const location = this.#with.lines.find(({ name }) => name === line)?.location;
    return location !== undefined && this.#with.world.registry.find(location, digest) !== undefined;
  }

  /** What its head tag means in the registry now. */
  headOf({ location }: Pick<Line, 'location'>): TrueArtifact | undefined {
    const digest = this.#with.world.registry.tagged(location, HEAD_TAG);
    return digest && this.#artifacts.get(digest);
  }

  parentOf(line: Line): TrueArtifact | undefined {
    const below = this.#with.lines.find(({ name }) => name === line.on);
    return below && this.headOf(below);
  }

  /** What its pipeline would build on. */
  parentFor(line: Line): TrueArtifact | undefined {
    const parent = this.parentOf(line);
    if (!line.habits.pinsParent) return parent;
    const pinned = this.#pinned.get(line.name) ?? parent;
    if (pinned) this.#pinned.set(line.name, pinned);
    return pinned;
  }

  /** Builds and pushes under some tags. Gives what it pushed; nothing where its parent is gone. */
  build(line: Line, tags: readonly string[], order: TrueBuildOrder): TrueArtifact | undefined {
    const parent = order.parent ?? this.parentFor(line);
    if (line.on !== undefined && !parent) return undefined;
    const count = (this.#counts.get(line.name) ?? 0) + 1;
    this.#counts.set(line.name, count);
    const name = `${line.name}#${count}`;
    const images = line.architectures.flatMap((architecture): TrueImage[] => {
      const platform = platformOf(architecture);
      const below = parent?.images.find((one) => one.platform === platform);
      if (parent && !below) return [];
      return [
        this.#image(line, {
          ...order,
          platform,
          name: architecture === 'amd64' ? name : `${name}.arm`,
          ...(below && { below }),
        }),
      ];
    });
    const [first] = images;
    if (!first) return undefined;
    const isIndex = line.architectures.length > 1;
    const artifact: TrueArtifact = {
      ...{ name, line: line.name, images, isIndex, pushedAtEpochMs: first.pushedAtEpochMs },
      digest: isIndex ? digestOf(`index ${images.map(({ digest }) => digest).join()}`) : first.digest,
      ...(order.runId !== undefined && { runId: order.runId }),
    };
    // The same content was pushed before: it is that image.
    const same = this.#artifacts.get(artifact.digest) ?? artifact;
    for (const image of images) if (!this.#images.has(image.digest)) this.#images.set(image.digest, image);
    this.#artifacts.set(same.digest, same);
    this.push(line, same, tags, order.rebuildId);
    return same;
  }

  /** Pushes an artifact, perhaps once more, under some tags. */
  push(line: Line, artifact: TrueArtifact, tags: readonly string[], rebuildId?: string): void {
    const { world, tell } = this.#with;
    if (tags.some((tag) => LINE_TAGS.includes(tag))) this.#ofLine.add(artifact);
    const pushedAtEpochMs = world.clock();
    const labels = { ...this.#with.labels, ...(rebuildId !== undefined && { [REBUILD_LABEL]: rebuildId }) };
    for (const one of artifactsOf(artifact)) {
      const image = this.#images.get(one.digest);
      const isNamed = one.digest === artifact.digest;
      world.registry.push(line.location, {
        ...{ artifact: one, pushedAtEpochMs, tags: isNamed ? tags : [] },
        ...(image && { config: this.#configOf(line, image, labels) }),
      });
      for (const tag of isNamed ? tags : [undefined])
        tell(eventOf({ digest: one.digest, location: line.location, atEpochMs: pushedAtEpochMs, ...(tag && { tag }) }));
    }
  }

  /** A person copies an artifact, with the images of an index, to another repository, as a copy between registries does. */
  copy(line: Line, artifact: TrueArtifact, to: ImageLocation): boolean {
    const { world, tell } = this.#with;
    const pushedAtEpochMs = world.clock();
    for (const { digest } of artifactsOf(artifact)) {
      const kept = world.registry.find(line.location, digest);
      if (!kept) return false;
      const tags = digest === artifact.digest ? [HEAD_TAG] : [];
      world.registry.push(to, { artifact: kept.artifact, tags, pushedAtEpochMs });
      tell(eventOf({ digest, location: to, atEpochMs: pushedAtEpochMs, ...(tags.length > 0 && { tag: HEAD_TAG }) }));
    }
    return true;
  }

  /** Deletes an artifact, and all images of an index. */
  remove(artifact: TrueArtifact): void {
    const location = this.#with.lines.find(({ name }) => name === artifact.line)?.location;
    if (!location) return;
    for (const digest of [artifact.digest, ...artifact.images.map((image) => image.digest)]) {
      this.#with.world.registry.delete(location, digest);
      this.#removed.set(digest, this.#with.world.clock());
    }
  }

  /** What ever had a tag of its line; other images were only pushed from branches. */
  readonly #ofLine = new Set<TrueArtifact>();

  /** No push and no person ever gave it a tag of its line: it is of no stream. */
  isOfBranch = (image: TrueImage): boolean => ![...this.#ofLine].some(({ images }) => images.includes(image));

  readonly #removed = new Map<Digest, number>();

  /** When an image was deleted last; absent where it never was. */
  removedAtEpochMs = (digest: Digest): number | undefined => this.#removed.get(digest);

  readonly #moves = new Map<string, number>();

  /** How often people moved the head tag of a line to what was there already. */
  movesOf = ({ name }: Pick<Line, 'name'>): number => this.#moves.get(name) ?? 0;

  /** A person puts the head tag on an image that the registry has. */
  moveHead(line: Line, artifact: TrueArtifact): void {
    const { digest } = artifact;
    this.#ofLine.add(artifact);
    const { world, tell } = this.#with;
    const kept = world.registry.find(line.location, digest);
    if (!kept) throw new Error(`${line.name} has no ${digest}`);
    this.#moves.set(line.name, this.movesOf(line) + 1);
    const atEpochMs = world.clock();
    world.registry.push(line.location, { artifact: kept.artifact, tags: [HEAD_TAG], pushedAtEpochMs: atEpochMs });
    tell(eventOf({ digest, location: line.location, atEpochMs, tag: HEAD_TAG }));
  }

  #image(
    line: Line,
    build: TrueBuildOrder & {
      readonly platform: TrueImage['platform'];
      readonly name: string;
      readonly below?: TrueImage;
    },
  ): TrueImage {
    const { platform, name, below } = build;
    const own = line.isMetadataOnly ? undefined : this.#layer(line, build);
    const inherited = below?.packed ?? [];
    const loose = [...inherited, ...(own ? [digestOf(`packed ${own.diffId}`)] : [])];
    const packed = line.habits.packsAnew ? loose.map((layer) => digestOf(`packed by ${name}: ${layer}`)) : loose;
    const { isReproducible, hasFixedDate, packsAnew } = line.habits;
    const isSame = isReproducible && hasFixedDate && !packsAnew && build.rebuildId === undefined;
    return {
      ...{ name, line: line.name, platform, packed, pushedAtEpochMs: this.#with.world.clock() },
      digest: digestOf(isSame && own ? `image ${line.name} ${platform} ${packed.join()}` : `image ${name} ${platform}`),
      ...(own && { own }),
      ...(below && { parent: below }),
    };
  }

  #layer(
    line: Line,
    {
      platform,
      below,
      fromCache,
      readAtEpochMs,
      runId,
    }: TrueBuildOrder & {
      readonly platform: TrueImage['platform'];
      readonly below?: TrueImage;
    },
  ): TrueLayer {
    const key = `${line.name} ${platform}`;
    const belowKey = below
      ? lineageOf(below)
          .map(({ own }) => own?.diffId ?? '')
          .join()
      : '';
    const cached = this.#cached.get(key);
    if (fromCache && cached?.below === belowKey) {
      if (runId !== undefined) cached.layer.claims.push({ runId, atEpochMs: this.#with.world.clock() });
      return cached.layer;
    }
    this.#layers += 1;
    const stamp = line.habits.stampsVersions ? `+b${this.#layers}` : undefined;
    const packages = new Map(
      line.packages.map((one): [string, Installed] => {
        const version = this.#with.archive.newest(one, readAtEpochMs);
        return [one, { version, ...(stamp !== undefined && { stamp }) }];
      }),
    );
    const text = JSON.stringify([...packages]);
    const diffId = digestOf(line.habits.isReproducible ? `layer ${key} ${text}` : `layer ${key} ${this.#layers}`);
    const madeAtEpochMs = this.#with.world.clock();
    const known = line.habits.isReproducible ? this.#reproducible.get(diffId) : undefined;
    const layer = known ?? {
      line: line.name,
      diffId,
      packages,
      madeAtEpochMs,
      firstMadeAtEpochMs: madeAtEpochMs,
      reconfirmations: [],
      claims: [],
    };
    // The same came out of nothing but sources once more.
    layer.madeAtEpochMs = madeAtEpochMs;
    if (runId !== undefined) layer.reconfirmations.push({ runId, atEpochMs: madeAtEpochMs });
    this.#reproducible.set(diffId, layer);
    this.#cached.set(key, { below: belowKey, layer });
    return layer;
  }

  #configOf({ habits }: Line, image: TrueImage, labels: Readonly<Record<string, string>>) {
    const lineage = [...lineageOf(image)].reverse();
    return {
      platform: image.platform,
      labels,
      createdAtEpochMs: habits.hasFixedDate ? FIXED_DATE_EPOCH_MS : image.pushedAtEpochMs,
      diffIds: lineage.flatMap(({ own }) => own?.diffId ?? []),
      history: lineage.map(({ name, own }) => ({
        createdBy: own ? `RUN install ${own.diffId}` : `ENV made_by=${name}`,
      })),
    };
  }

  /** What the registry has under the digest of a config. */
  readonly configDigestOf = configDigestOf;
}

const LINE_TAGS = [HEAD_TAG, `${HEAD_TAG}-candidate`];

/** `SOURCE_DATE_EPOCH` of tools that are made to give the same bytes. */
const FIXED_DATE_EPOCH_MS = Date.UTC(1980, 0, 1);
