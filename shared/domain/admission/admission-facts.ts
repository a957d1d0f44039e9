import { ageOf, type LineageAge } from '../age/image-lineage.ts';
import type { Digest, IndexChild, Platform, Tier } from '../image/image.ts';
import type { Policy } from '../policy/policy.ts';
import type { ScanState } from '../scan/scan.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { Verdict } from '../verdict/verdict.ts';
import { voidFromEpochMs } from '../verdict/waiver.ts';

/** What is known of a digest that a workload asks for. Nothing here decides whether the workload may start. */
export interface AdmissionFacts {
  readonly digest: Digest;
  /** The image itself, or each runnable image of an index: the strictest counts. Never empty. */
  readonly images: readonly ImageFacts[];
  /** A workload of the namespace, or of the ECS cluster, runs it already, or an image of it. */
  readonly runsHere: boolean;
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
  readonly scan: ScanState;
  /** Absent if it was never judged. */
  readonly verdict?: Verdict;
  /** Absent if its properties or its age changed after the verdict, so that this no longer counts. */
  readonly judgedAtEpochMs?: number;
  /** Of the reasons that a waiver covers. */
  readonly waivers: readonly WaivedReason[];
  /** Where it is and whose it is, by which a waiver covers it. */
  readonly covered: Pick<ImageRecord, 'locations' | 'references' | 'owner'>;
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
  /** Those that run in the namespace. */
  readonly running: ReadonlySet<Digest>;
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
  const images = [...new Set(imagesNamedBy(digest, records))];
  return {
    digest,
    images: images.map((image) => factsOn(image, records.images.get(image), policy)),
    runsHere: [digest, ...images].some((one) => records.running.has(one)),
  };
};

function factsOn(digest: Digest, record: ImageRecord | undefined, policy: Pick<Policy, 'waivers'>): ImageFacts {
  if (!record) return { digest, isRecorded: false };
  const { platform, tier, owner, scan, verdict, judgedAtEpochMs } = record;
  return {
    ...{ digest, isRecorded: true, tier },
    ...(platform !== undefined && { platform }),
    ...(owner !== undefined && { owner }),
    scan,
    ...(verdict && { verdict }),
    ...(verdict && judgedAtEpochMs !== undefined && { judgedAtEpochMs }),
    waivers: verdict ? waivedReasons(verdict, policy) : [],
    covered: {
      locations: record.locations,
      ...(record.references && { references: record.references }),
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
