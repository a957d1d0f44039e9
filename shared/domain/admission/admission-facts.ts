import { ageOf, type LineageAge } from '../age/image-lineage.ts';
import type { Digest, IndexChild, Platform, Tier } from '../image/image.ts';
import type { Policy } from '../policy/policy.ts';
import type { ScanState } from '../scan/scan.ts';
import type { ImageRecord, LastResults } from '../verdict/image-record.ts';

import type { Verdict } from '../verdict/verdict.ts';
import { voidFromEpochMs } from '../verdict/waiver.ts';
import type { Presence } from './standing.ts';

/** What is known of a digest that a workload asks for. Nothing here decides whether the workload may start. */
export interface AdmissionFacts {
  readonly digest: Digest;
  /** The image itself, or each runnable image of an index: the strictest counts. Never empty. */
  readonly images: readonly ImageFacts[];
  /**
   * By which an image of the digest starts that has none of its own: that of the digest itself, and of its images that began
   * after it was recorded. An index that is pushed later takes over nothing from what one of its images did before.
   */
  readonly presences: readonly PresenceOfImage[];
}

/** A presence in the namespace, or in the ECS cluster. */
export interface PresenceOfImage {
  readonly presence: Presence;
  /** Absent if the ledger has no record of what runs. */
  readonly image?: RecordedImage;
}

export type ImageFacts = UnrecordedImage | RecordedImage;

/** The ledger has no record of the image: no review and no event has shown it. */
export interface UnrecordedImage {
  readonly digest: Digest;
  readonly isRecorded: false;
  readonly presence?: Presence;
}

export interface RecordedImage extends LastResults {
  readonly digest: Digest;
  readonly isRecorded: true;
  /** Of the image itself in the place. */
  readonly presence?: Presence;
  readonly platform?: Platform;
  readonly tier: Tier;
  readonly owner?: string;
  readonly scan: ScanState;
  /** Absent if it was never judged. */
  readonly verdict?: Verdict;
  /** Absent if its properties or its age changed after the verdict, so that this no longer counts. */
  readonly judgedAtEpochMs?: number;
  /** Of the reasons that a waiver covers. */
  readonly waivers: readonly WaivedReason[];
  /** Where it is and whose it is, by which a waiver covers it. */
  readonly covered: Pick<ImageRecord, 'locations' | 'references' | 'moreReferences' | 'owner'>;
  /** Of the oldest part of its lineage. */
  readonly age: LineageAge;
}

export interface WaivedReason {
  readonly waiverId: string;
  readonly ruleId: string;
  /** The waiver counts until then; absent if the policy no longer has it, so that it counts no more. */
  readonly voidFromEpochMs?: number;
}

/** Ledger records by digest. */
export interface AdmissionRecords {
  readonly images: ReadonlyMap<Digest, ImageRecord>;
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
  /** When an index was first recorded; version 0.1.0 did not write it, so such an index is older than each presence. */
  readonly indexedAtEpochMs?: ReadonlyMap<Digest, number>;
  /** Of those that run in the place, or ran there. */
  readonly presences: ReadonlyMap<Digest, Presence>;
}

/** The images whose records the facts on a digest need. An index without images has a record of its own. */
export function imagesNamedBy(digest: Digest, { indexes }: Pick<AdmissionRecords, 'indexes'>): readonly Digest[] {
  const children = indexes.get(digest) ?? [];
  return children.length > 0 ? children.map((child) => child.digest) : [digest];
}

/** The facts on a digest. A missing record is a fact of its own, so it never looks like an image without faults. */
export const admissionFactsOf = (
  digest: Digest,
  records: AdmissionRecords,
  policy: Pick<Policy, 'waivers'>,
): AdmissionFacts => {
  const images = [...new Set(imagesNamedBy(digest, records))].map((image) => factsOn(image, records, policy));
  const isIndex = images.every((image) => image.digest !== digest);
  const whole = isIndex ? records.presences.get(digest) : undefined;
  const indexedAtEpochMs = (isIndex && records.indexedAtEpochMs?.get(digest)) || 0;
  return {
    ...{ digest, images },
    presences: [
      ...(whole ? [{ presence: whole }] : []),
      ...images.flatMap((image) =>
        image.presence && (image.presence.beganAtEpochMs ?? 0) >= indexedAtEpochMs
          ? [{ presence: image.presence, ...(image.isRecorded && { image }) }]
          : [],
      ),
    ],
  };
};

function factsOn(
  digest: Digest,
  { images, presences }: Pick<AdmissionRecords, 'images' | 'presences'>,
  policy: Pick<Policy, 'waivers'>,
): ImageFacts {
  const record = images.get(digest);
  const presence = presences.get(digest);
  if (!record) return { digest, isRecorded: false, ...(presence && { presence }) };
  const { platform, tier, owner, scan, verdict, judgedAtEpochMs, lastKnown, lastGood } = record;
  return {
    ...{ digest, isRecorded: true, tier },
    ...(presence && { presence }),
    ...(platform !== undefined && { platform }),
    ...(owner !== undefined && { owner }),
    scan,
    ...(verdict && { verdict }),
    ...(verdict && judgedAtEpochMs !== undefined && { judgedAtEpochMs }),
    ...(lastKnown && { lastKnown }),
    ...(lastGood && { lastGood }),
    waivers: verdict ? waivedReasons(verdict, policy) : [],
    covered: {
      locations: record.locations,
      ...(record.references && { references: record.references }),
      ...(record.moreReferences !== undefined && { moreReferences: record.moreReferences }),
      ...(owner !== undefined && { owner }),
    },
    age: ageOf(record),
  };
}

const waivedReasons = ({ reasons }: Verdict, { waivers }: Pick<Policy, 'waivers'>): readonly WaivedReason[] =>
  reasons.flatMap(({ waiverId, ruleId }) => {
    if (waiverId === undefined) return [];
    const waiver = waivers.find(({ id }) => id === waiverId);
    return [{ waiverId, ruleId, ...(waiver && { voidFromEpochMs: voidFromEpochMs(waiver) }) }];
  });
