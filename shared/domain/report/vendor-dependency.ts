import { type Cause, FIX_KNOWLEDGE, type FindingFact } from '../cause/cause.ts';
import { isUnjudged } from '../cause/fact-status.ts';
import type { RebuildHistory, SurvivedFact } from '../cause/rebuild.ts';
import { byKey, compareTexts } from '../common/compare-texts.ts';
import { isSame } from '../guard/guard-facts.ts';
import { type Digest, locationKey, type Tier } from '../image/image.ts';
import type { Parent } from '../lineage/parent.ts';
import type { Fix } from '../scan/finding.ts';
import type { StreamRecord } from '../stream/stream-record.ts';
import type { ImageRecord } from '../verdict/image-record.ts';

/** An image made by a vendor: not of our streams, but a parent of them. */
export interface VendorImage {
  readonly digest: Digest;
  readonly tier: Extract<Tier, 'mirrored' | 'external' | 'aws-managed'>;
  /** Its places, or its references outside ECR. */
  readonly places: readonly string[];
}

/** `undefined` for an image that is not a vendor's. */
export function vendorOf({ digest, tier, locations, references = [] }: ImageRecord): VendorImage | undefined {
  if (tier !== 'mirrored' && tier !== 'external' && tier !== 'aws-managed') return undefined;
  return { digest, tier, places: [...locations.map(locationKey), ...references] };
}

/**
 * A package that only its vendor can fix. If the head of an ancestor stream lacks the finding, there is a fix to pick
 * up, so it is no vendor dependency. It is listed for the lowest stream whose head has it, however many are built on
 * that. It is derived from the ledger on demand and never stored: a published fix, a successful rebuild or a vanished
 * finding ends it.
 */
export interface VendorDependency {
  readonly vulnerability: string;
  readonly package: string;
  /** Installed. */
  readonly version: string;
  readonly stream: string;
  /** The heads of that stream which have it, sorted; if the heads are unknown, the running images. */
  readonly heads: readonly Digest[];
  /** Rules of the policy that it violates. */
  readonly ruleIds: readonly string[];
  /**
   * `no-fix`: the scanner reports that there is none. `no-fix-seen`: no fix is known, and a trial rebuild found none.
   */
  readonly reason: 'no-fix' | 'no-fix-seen';
  /** When the last trial ended. */
  readonly triedAtEpochMs?: number;
  /** When it was first seen. */
  readonly sinceEpochMs: number;
  /** All streams that have it from there, itself included; sorted. */
  readonly streams: readonly string[];
  /** The heads and running images of these streams that have exactly this version. */
  readonly images: number;
  /** The lowest vendor's image below that stream known to have it too. */
  readonly vendor?: VendorImage;
}

/** The stored part of an image with any of the requested findings. */
interface Seen extends Pick<ImageRecord, 'stream' | 'inUse'> {
  readonly digest: Digest;
  readonly parent?: Parent;
  /** By `keyOf`; `true` where a waiver lets it pass. */
  readonly has: ReadonlyMap<string, boolean>;
  readonly vendor?: VendorImage;
}

type Finding = Pick<FindingFact, 'vulnerability' | 'package' | 'version'>;
const pairOf = ({ vulnerability, package: name }: Omit<Finding, 'version'>): string => `${name}\n${vulnerability}`;
const NO_PAIRS: ReadonlySet<string> = new Set();
const keyOf = ({ vulnerability, package: name, version }: Finding): string => [name, version, vulnerability].join('\n');

/** One package version with its vulnerability at one root cause. */
interface Group {
  readonly stream: string;
  readonly facts: FindingFact[];
  readonly streams: Set<string>;
}

/**
 * Finds what open causes wait for. Images are added one by one in any order, and only requested data is kept; `missing`
 * lists what must still be read.
 */
export class VendorWaits {
  readonly #causes: readonly Cause[];
  /** By `keyOf` of each finding that any cause has, and by stream: the images that have it. */
  readonly #having = new Map<string, Map<string, Seen[]>>();
  readonly #seen = new Map<Digest, Seen>();
  /** By image with complete findings: the requested pairs (`pairOf`) that it has in any version. */
  readonly #judged = new Map<Digest, ReadonlySet<string>>();
  readonly #pairs: ReadonlySet<string>;
  readonly #heads = new Map<string, ReadonlySet<Digest>>();
  readonly #asked = new Set<string>();
  #digests: Digest[] = [];
  #streams: string[] = [];

  constructor(causes: readonly Cause[]) {
    this.#causes = causes.filter(({ facts }) => facts.some(({ kind }) => kind === 'finding'));
    const facts = this.#causes.flatMap(({ facts }) => facts);
    this.#pairs = new Set(facts.flatMap((fact) => (fact.kind === 'finding' ? pairOf(fact) : [])));
    for (const { stream, facts } of this.#causes) {
      this.#askStream(stream);
      for (const fact of facts) if (fact.kind === 'finding') this.#having.set(keyOf(fact), new Map());
    }
  }

  /** All streams known to have one of the findings. */
  get streams(): readonly string[] {
    return [...new Set([...this.#heads.keys(), ...this.#causes.map(({ stream }) => stream)])];
  }

  add(record: ImageRecord): void {
    const { digest, stream, inUse, lineage, verdict } = record;
    const has = new Map<string, boolean>();
    for (const reason of verdict?.reasons ?? []) {
      const key = reason.kind === 'finding' ? keyOf(reason) : '';
      if (this.#having.has(key)) has.set(key, reason.effect === 'waived' && has.get(key) !== false);
    }
    this.#asked.add(digest);
    if (!isUnjudged(record)) this.#judged.set(digest, this.#pairsIn(record));
    if (has.size === 0 || this.#seen.has(digest)) return;
    const [parent, vendor] = [lineage?.parent, vendorOf(record)];
    const seen = {
      ...{ digest, inUse, has },
      ...(stream !== undefined && { stream }),
      ...(parent && { parent }),
      ...(vendor && { vendor }),
    };
    this.#seen.set(digest, seen);
    if (parent) this.#askImage(parent.digest);
    if (stream === undefined) return;
    this.#askStream(stream);
    for (const key of has.keys()) {
      const having = this.#having.get(key);
      if (!having?.get(stream)?.push(seen)) having?.set(stream, [seen]);
    }
  }

  #pairsIn({ verdict }: ImageRecord): ReadonlySet<string> {
    const findings = verdict?.reasons.filter((reason) => reason.kind === 'finding') ?? [];
    const pairs = findings.map(pairOf).filter((pair) => this.#pairs.has(pair));
    return pairs.length > 0 ? new Set(pairs) : NO_PAIRS;
  }

  addStream({ stream, head }: StreamRecord): void {
    const digests = new Set(Object.values(head?.images ?? {}));
    this.#heads.set(stream, digests);
    for (const digest of digests) this.#askImage(digest);
  }

  /** Images with more data that were not added yet; each is named once. */
  missing(): { readonly digests: readonly Digest[]; readonly streams: readonly string[] } {
    const missing = { digests: this.#digests, streams: this.#streams };
    [this.#digests, this.#streams] = [[], []];
    return missing;
  }

  /**
   * By stream, package and vulnerability.
   * @param memories the rebuild histories of streams; absent for streams without one
   */
  dependencies(histories: ReadonlyMap<string, Pick<RebuildHistory, 'survived'>>): readonly VendorDependency[] {
    const groups = new Map<string, Group>();
    for (const { stream, facts } of this.#causes)
      for (const fact of facts) {
        if (fact.kind !== 'finding' || !this.#holds(stream, keyOf(fact))) continue;
        for (const [root, way] of this.#roots(stream, keyOf(fact))) {
          const key = `${root}\n${keyOf(fact)}`;
          const group = groups.get(key) ?? { stream: root, facts: [], streams: new Set() };
          groups.set(key, group);
          group.facts.push(fact);
          for (const one of way) group.streams.add(one);
        }
      }
    return [...groups].sort(byKey).flatMap(([, group]) => this.#dependency(group, histories) ?? []);
  }

  #askImage(digest: Digest): void {
    if (this.#asked.has(digest)) return;
    this.#asked.add(digest);
    this.#digests.push(digest);
  }

  #askStream(stream: string): void {
    if (this.#asked.has(stream)) return;
    this.#asked.add(stream);
    this.#streams.push(stream);
  }

  /** Whether it violates there; a waived finding needs nothing. */
  #holds(stream: string, key: string): boolean {
    return this.#holders(stream, key).some(({ has }) => has.get(key) === false);
  }

  /** Heads that have it; if the heads are unknown, running images. */
  #holders(stream: string, key: string): readonly Seen[] {
    const heads = this.#heads.get(stream) ?? new Set();
    const having = this.#having.get(key)?.get(stream) ?? [];
    return having.filter(({ digest, inUse }) => (heads.size > 0 ? heads.has(digest) : inUse));
  }

  /** The lowest streams below one whose heads have it, each with the streams on all paths. */
  #roots(stream: string, key: string, above: readonly string[] = []): ReadonlyMap<string, ReadonlySet<string>> {
    const way = [...above, stream];
    const below = new Set(this.#holders(stream, key).flatMap((head) => this.#streamBelow(head, key) ?? []));
    const roots = new Map<string, ReadonlySet<string>>();
    for (const parent of below) {
      if (way.includes(parent) || this.#holders(parent, key).length === 0) continue;
      for (const [root, streams] of this.#roots(parent, key, way))
        roots.set(root, new Set([...(roots.get(root) ?? []), ...streams]));
    }
    return roots.size > 0 ? roots : new Map([[stream, new Set(way)]]);
  }

  /** The ancestors of an image, down to the first that does not have it. */
  #below(image: Seen, key: string): readonly Seen[] {
    const below: Seen[] = [];
    const parentOf = ({ parent }: Seen) =>
      parent && parent.evidence !== 'earliest-push' ? this.#seen.get(parent.digest) : undefined;
    for (let at = parentOf(image); at?.has.has(key) && !below.includes(at); at = parentOf(at)) below.push(at);
    return below;
  }

  #streamBelow(head: Seen, key: string): string | undefined {
    return this.#below(head, key).find(({ stream }) => stream !== undefined && stream !== head.stream)?.stream;
  }

  #dependency(
    { stream, facts, streams }: Group,
    histories: ReadonlyMap<string, Pick<RebuildHistory, 'survived'>>,
  ): VendorDependency | undefined {
    const [fact] = facts as [FindingFact, ...FindingFact[]];
    const fix = facts.reduce(
      (known: Fix, one) => (FIX_KNOWLEDGE.indexOf(one.fix) > FIX_KNOWLEDGE.indexOf(known) ? one.fix : known),
      'unknown',
    );
    const trials = [...streams].flatMap(
      (one) => histories.get(one)?.survived.filter(isTrialOf({ ...fact, fix })) ?? [],
    );
    if (fix === 'yes' || (fix === 'unknown' && trials.length === 0)) return undefined;
    const { vulnerability, package: name, version } = fact;
    const key = keyOf(fact);
    const heads = [...this.#holders(stream, key)].sort((one, other) => compareTexts(one.digest, other.digest));
    if (heads.some((head) => this.#mayBeFixedBelow(head, fact))) return undefined;
    const vendor = heads.map((head) => this.#vendorBelow(head, key)).find((one) => one !== undefined);
    return {
      ...{ vulnerability, package: name, version, stream },
      heads: heads.map(({ digest }) => digest),
      ruleIds: [...new Set(facts.map(({ ruleId }) => ruleId))].sort(compareTexts),
      reason: fix === 'no' ? 'no-fix' : 'no-fix-seen',
      ...(trials.length > 0 && {
        triedAtEpochMs: trials.reduce((last, { atEpochMs }) => Math.max(last, atEpochMs), 0),
      }),
      sinceEpochMs: facts.reduce((since, one) => Math.min(since, one.sinceEpochMs), Number.POSITIVE_INFINITY),
      streams: [...streams].sort(compareTexts),
      images: [...streams].reduce((sum, one) => sum + this.#livingOf(one, key), 0),
      ...(vendor && { vendor }),
    };
  }

  /** Whether an image inherits it from a stream whose heads all lack it, or are not judged yet. */
  #mayBeFixedBelow(head: Seen, fact: FindingFact): boolean {
    const pair = pairOf(fact);
    return this.#below(head, keyOf(fact)).some(({ stream }) => {
      if (stream === undefined || stream === head.stream) return false;
      const heads = [...(this.#heads.get(stream) ?? [])];
      return heads.length > 0 && heads.every((one) => this.#judged.get(one)?.has(pair) !== true);
    });
  }

  #livingOf(stream: string, key: string): number {
    const having = this.#having.get(key)?.get(stream) ?? [];
    return having.filter(({ inUse, digest }) => inUse || this.#heads.get(stream)?.has(digest)).length;
  }

  /** Below the lowest image of one of our streams. An unscanned image counts as not having it. */
  #vendorBelow(head: Seen, key: string): VendorImage | undefined {
    const below = this.#below(head, key);
    const lowest = below.findLastIndex(({ stream }) => stream !== undefined);
    return below.slice(lowest + 1).findLast(({ vendor }) => vendor)?.vendor;
  }
}

/** A trial counts for the version that it did not fix. */
const isTrialOf = (fact: FindingFact) => (survived: SurvivedFact) =>
  survived.kind === 'trial' &&
  survived.fact === 'finding' &&
  survived.version === fact.version &&
  isSame(fact, survived);
