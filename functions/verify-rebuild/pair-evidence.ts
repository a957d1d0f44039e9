import { mapConcurrently } from '../../shared/concurrency.ts';
import type { PairEvidence } from '../../shared/domain/cause/added-pairs.ts';
import type { FindingFact } from '../../shared/domain/cause/cause.ts';
import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { isSameContent } from '../../shared/domain/lineage/content-groups.ts';
import { findingKey } from '../../shared/domain/scan/finding.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import { readAncestors } from '../../shared/inventory/read-ancestors.ts';
import { firstSeenOf } from '../../shared/judging/first-seen.ts';
import { readAnywhere } from '../../shared/scanning/read.ts';
import { keptFindingsOf, type OutputImage } from './output-images.ts';
import type { VerifyPorts } from './ports.ts';

const READS_AT_ONCE = 4;

/** An ancestor with its scan data. */
interface Ancestor {
  readonly record: ImageRecord;
  /** Keys of its findings; empty if not recorded. */
  readonly found: ReadonlySet<string>;
  readonly firstSeen: ReadonlyMap<string, number>;
}

/** Evidence about pairs that the output has and the previous image seems not to have, by `findingKey`. */
export async function evidenceOf(
  ports: Pick<VerifyPorts, 'images' | 'places' | 'streams' | 'evidence' | 'scanner'>,
  { parentHead }: Rebuild,
  pairs: readonly FindingFact[],
  { made, before }: { readonly made: readonly OutputImage[]; readonly before: readonly OutputImage[] },
): Promise<ReadonlyMap<string, PairEvidence>> {
  const own = made.flatMap(({ record }) => record ?? []);
  const [below, belowBefore, reserved, seen, source] = await Promise.all([
    ancestorsOf(ports, made).then((records) => mapConcurrently(records, READS_AT_ONCE, (one) => learn(ports, one))),
    ancestorsOf(ports, before),
    headImages(ports, parentHead),
    mapConcurrently(own, READS_AT_ONCE, (record) => firstSeenOf(ports.streams, record)),
    sourceUpdate(ports, own),
  ]);
  const isBefore = sameImageAs(belowBefore);
  return new Map(
    pairs.map((pair) => {
      const key = findingKey(pair);
      const holders = below.filter(({ found }) => found.has(key));
      const [inParent] = holders
        .filter(({ record }) => reserved.includes(record.digest))
        .flatMap(({ firstSeen }) => firstSeen.get(key) ?? []);
      const seenAtEpochMs = [...seen, ...below.map(({ firstSeen }) => firstSeen)].flatMap((one) => one.get(key) ?? []);
      const evidence = {
        seenAtEpochMs,
        isShared: holders.some(({ record }) => isBefore(record)),
        ...(inParent !== undefined && { firstSeenInParentEpochMs: inParent }),
        ...(source !== undefined && { sourceUpdatedAtEpochMs: source }),
      };
      return [key, evidence] as const;
    }),
  );
}

const headImages = async (
  { places }: Pick<VerifyPorts, 'places'>,
  head: Digest | undefined,
): Promise<readonly Digest[]> => (head === undefined ? [] : imagesUnder(places, head));

/** All ancestors, from parents down to bases; each once. */
async function ancestorsOf(
  { images }: Pick<VerifyPorts, 'images'>,
  from: readonly OutputImage[],
): Promise<readonly ImageRecord[]> {
  const parents = from.flatMap(({ record }) => record?.lineage?.parent?.digest ?? []);
  return [...(await readAncestors(images, parents, (image) => image)).values()];
}

async function learn(ports: Pick<VerifyPorts, 'streams' | 'evidence'>, record: ImageRecord): Promise<Ancestor> {
  const [findings = [], firstSeen] = await Promise.all([
    keptFindingsOf(ports, [{ digest: record.digest, record }]),
    firstSeenOf(ports.streams, record),
  ]);
  return { record, found: new Set(findings.map(findingKey)), firstSeen };
}

/** The same image, or one with the same content. */
const sameImageAs =
  (records: readonly ImageRecord[]) =>
  (record: ImageRecord): boolean =>
    records.some((one) => isSameContent(one, record));

/** When the scanner's data was last updated, over the scans of all platforms; `undefined` if one does not report it. */
async function sourceUpdate(
  { scanner }: Pick<VerifyPorts, 'scanner'>,
  records: readonly ImageRecord[],
): Promise<number | undefined> {
  const updates = await mapConcurrently(records, READS_AT_ONCE, async (record) => {
    const reading = await readAnywhere(scanner, record.locations, record);
    return reading.outcome === 'complete' ? reading.sourceUpdatedAtEpochMs : undefined;
  });
  const known = updates.filter((atEpochMs) => atEpochMs !== undefined);
  return known.length === records.length && known.length > 0 ? Math.max(...known) : undefined;
}
