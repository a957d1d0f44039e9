import { ageOf, type LineageAge } from '../age/image-lineage.ts';
import type { Digest, IndexChild, Platform, Tier } from '../image/image.ts';
import type { Policy } from '../policy/policy.ts';
import { unapprovedNames } from './approved-registries.ts';
import type { ImageRecord } from './image-record.ts';
import type { Verdict } from './verdict.ts';
import { voidFromEpochMs } from './waiver.ts';

/** What is known of a digest that a workload asks for. Nothing here decides whether the workload may start. */
export interface AdmissionFacts {
  readonly digest: Digest;
  /** The image itself, or each runnable image of an index: the strictest counts. Never empty. */
  readonly images: readonly ImageFacts[];
}

export type ImageFacts = UnrecordedImage | RecordedImage;

/** The ledger has no record of the image: no review and no event has shown it. */
export interface UnrecordedImage {
  readonly digest: Digest;
  readonly isRecorded: false;
}

export interface RecordedImage {
  readonly digest: Digest;
  readonly isRecorded: true;
  readonly platform?: Platform;
  readonly tier: Tier;
  readonly owner?: string;
  /** As from `unapprovedNames`; every place that is known counts. Empty if all are approved, or no place is known. */
  readonly unapproved: readonly string[];
  /** Absent if it was never judged. */
  readonly verdict?: Verdict;
  /** Absent if its properties or its age changed after the verdict, so that this no longer counts. */
  readonly judgedAtEpochMs?: number;
  /** Of the reasons that a waiver covers. */
  readonly waivers: readonly WaivedReason[];
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
  policy: Pick<Policy, 'approvedRegistries' | 'waivers'>,
): AdmissionFacts => ({
  digest,
  images: [...new Set(imagesNamedBy(digest, records))].map((image) =>
    factsOn(image, records.images.get(image), policy),
  ),
});

function factsOn(
  digest: Digest,
  record: ImageRecord | undefined,
  policy: Pick<Policy, 'approvedRegistries' | 'waivers'>,
): ImageFacts {
  if (!record) return { digest, isRecorded: false };
  const { platform, tier, owner, verdict, judgedAtEpochMs } = record;
  return {
    ...{ digest, isRecorded: true, tier },
    ...(platform !== undefined && { platform }),
    ...(owner !== undefined && { owner }),
    unapproved: unapprovedNames(record, policy),
    ...(verdict && { verdict }),
    ...(verdict && judgedAtEpochMs !== undefined && { judgedAtEpochMs }),
    waivers: verdict ? waivedReasons(verdict, policy) : [],
    age: ageOf(record),
  };
}

const waivedReasons = ({ reasons }: Verdict, { waivers }: Pick<Policy, 'waivers'>): readonly WaivedReason[] =>
  reasons.flatMap(({ waiverId, ruleId }) => {
    if (waiverId === undefined) return [];
    const waiver = waivers.find(({ id }) => id === waiverId);
    return [{ waiverId, ruleId, ...(waiver && { voidFromEpochMs: voidFromEpochMs(waiver) }) }];
  });
