import { mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import type { Closure } from '../../shared/domain/cause/cascade.ts';
import type { JudgedImage } from '../../shared/domain/cause/fact-status.ts';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { type Birth, builtAtEpochMs } from '../../shared/domain/image/birth.ts';
import { type Digest, locationKey } from '../../shared/domain/image/image.ts';
import type { LocationRecord } from '../../shared/domain/image/image-properties.ts';
import { type Usage, workloadText } from '../../shared/domain/image/usage.ts';
import { isSameContent } from '../../shared/domain/lineage/content-groups.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { causeStatus, isFreeByItself, MOST_NAMED, type RunningImage } from '../../shared/domain/rollout/closure.ts';
import { findingKey } from '../../shared/domain/scan/finding.ts';
import type { ImageInUse } from '../../shared/domain/scan/witness.ts';
import { lineOf, makingLineOf, parseStreamId, streamRulesOf } from '../../shared/domain/stream/stream.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { keptFindings } from '../../shared/judging/kept-findings.ts';
import type { RolloutPorts } from './ports.ts';
import type { RunningLineage } from './running-lineage.ts';

const RECORDS_AT_ONCE = 100;
const QUESTIONS_AT_ONCE = 8;

interface Fleet {
  readonly policy: Policy;
  readonly lineage: RunningLineage;
  /** Images that ran in scopes that left. */
  readonly outOfSight: ReadonlySet<Digest>;
  /** What AWS says is in use and the ledger knows no usage of, by image. */
  readonly witnessed: ReadonlyMap<Digest, readonly ImageInUse[]>;
}

type RecordsOf = (digests: readonly Digest[]) => Promise<ReadonlyMap<Digest, ImageRecord & Pick<JudgedImage, 'found'>>>;

/**
 * Images of the closure's stream that run or are ancestors of running images, with their users if they may have the
 * cause. Records are read in batches and dropped; users are read only until enough are named.
 * @param recordsOf reads images; `recordsWithEvidence` asks their evidence too
 */
export async function readRunning(
  ports: Pick<RolloutPorts, 'images' | 'places' | 'usages'>,
  closure: Closure,
  output: ReadonlySet<Digest>,
  { policy, lineage, outOfSight, witnessed: ofAws }: Fleet,
  recordsOf: RecordsOf = (digests) => ports.images.get(digests),
): Promise<readonly RunningImage[]> {
  const over = lineage.over(closure.stream);
  // An image built on one of two images with the same content counts as built on both, and neither is stale.
  const made = closure.facts.length === 0 ? [...(await ports.images.get([...output])).values()] : [];
  const isNewer = closure.facts.length === 0 ? await newerThan(ports, { ...closure, policy }, output, made) : undefined;
  const digests = [...over.keys()].sort(compareTexts);
  const running: RunningImage[] = [];
  for (const piece of piecesOf(digests, RECORDS_AT_ONCE)) {
    const records = await recordsOf(piece);
    for (const digest of piece) {
      const image: JudgedImage = records.get(digest) ?? { digest };
      const all = over.get(digest) ?? [];
      if (output.has(digest)) {
        running.push({ image, usages: all.includes(digest) ? await ports.usages.ofImage(digest) : [] });
        continue;
      }
      const one = { image, ...(isNewer && { isNewer: await isNewer(records.get(digest) ?? { digest }) }) };
      const isAgain =
        closure.facts.length === 0 && made.some((other) => isSameContent(other, records.get(digest) ?? {}));
      const users = isAgain ? all.filter((user) => user === digest) : all;
      if (users.length === 0 || causeStatus(closure, one) === 'absent') continue;
      const holders = await withoutFree(recordsOf, closure, image, users, policy);
      const holdersOutOfSight = holders.filter((holder) => outOfSight.has(holder));
      const left = holdersOutOfSight.length > 0 ? await whoRan(ports, holdersOutOfSight) : undefined;
      const witnessed = holders.flatMap((holder) => ofAws.get(holder) ?? []);
      running.push({
        ...one,
        ...(await whoRuns(ports, holders)),
        ...(left && { left }),
        ...(witnessed.length > 0 && { witnessed }),
      });
    }
  }
  return running;
}

/**
 * Reads images with those findings of a closure that their evidence has: a verdict lists only what a rule of the policy asks
 * for, so an edit of the rules would answer for what runs. Evidence is read one image at a time and not kept.
 */
export function recordsWithEvidence(
  { images, evidence }: Pick<RolloutPorts, 'images' | 'evidence'>,
  { facts }: Pick<Closure, 'facts'>,
): RecordsOf {
  const asked = new Set(facts.flatMap((fact) => (fact.kind === 'finding' ? findingKey(fact) : [])));
  const foundIn = async (record: ImageRecord): Promise<JudgedImage['found']> => {
    // Without a result the verdict itself says that nothing is known.
    if (record.findingsFingerprint === undefined) return undefined;
    const findings = await keptFindings(evidence, record);
    return findings ? new Set(findings.map(findingKey).filter((key) => asked.has(key))) : 'missing';
  };
  return async (digests) => {
    const records = [...(await images.get(digests))];
    const complete = await mapConcurrently(records, QUESTIONS_AT_ONCE, async ([digest, record]) => {
      const found = await foundIn(record);
      return [digest, found === undefined ? record : { ...record, found }] as const;
    });
    return new Map(complete);
  };
}

/** Of the images built on one, those that may have the cause; the image itself included. */
async function withoutFree(
  recordsOf: RecordsOf,
  closure: Closure,
  below: JudgedImage,
  users: readonly Digest[],
  { severities }: Policy,
): Promise<readonly Digest[]> {
  const held: Digest[] = [];
  // Itself first: the owner of the stream acts on its own usages, however many others there are.
  const inOrder = users.toSorted(
    (one, other) => Number(other === below.digest) - Number(one === below.digest) || compareTexts(one, other),
  );
  for (const piece of piecesOf(inOrder, RECORDS_AT_ONCE)) {
    const records = await recordsOf(piece);
    for (const digest of piece) {
      const record = records.get(digest);
      const isOther = digest !== below.digest;
      if (!(isOther && record && isFreeByItself(closure, below, record, severities))) held.push(digest);
    }
  }
  return held;
}

/** Each scope that left must be confirmed, so all are listed. */
export const whoRan = async (
  { usages }: Pick<RolloutPorts, 'usages'>,
  digests: readonly Digest[],
): Promise<readonly Usage[]> =>
  (await mapConcurrently(digests, QUESTIONS_AT_ONCE, (digest) => usages.leftOfImage(digest))).flat();

/** A limited number in a fixed order, without usages that ended since the review read them. */
async function whoRuns(
  { usages }: Pick<RolloutPorts, 'usages'>,
  digests: readonly Digest[],
): Promise<Required<Pick<RunningImage, 'usages' | 'unasked'>>> {
  const found: Usage[] = [];
  let asked = 0;
  for (const piece of piecesOf(digests, QUESTIONS_AT_ONCE)) {
    found.push(...(await mapConcurrently(piece, QUESTIONS_AT_ONCE, (digest) => usages.ofImage(digest))).flat());
    asked += piece.length;
    if (new Set(found.map(workloadText)).size > MOST_NAMED) break;
  }
  return { usages: found, unasked: digests.length - asked };
}

/**
 * Whether images of a stream were pushed later than an output, by the push history of its registries. An image without
 * a known push counts as older, and so does one that says that it was built before: the event of its first push may be
 * lost, and a person may have moved a tag back to it. A branch build is no older image of the stream. Only a policy that has
 * the stream tells one: while its rule is away, no image has a line.
 */
async function newerThan(
  { places }: Pick<RolloutPorts, 'places'>,
  { stream, policy }: Pick<Closure, 'stream'> & { readonly policy: Policy },
  output: ReadonlySet<Digest>,
  made: readonly ImageRecord[],
): Promise<(image: Pick<ImageRecord, 'digest'> & Partial<Pick<ImageRecord, 'stream' | 'birth'>>) => Promise<boolean>> {
  const { location } = parseStreamId(stream);
  const repository = locationKey(location);
  const rules = lineOf(policy, stream) ? streamRulesOf(policy, location) : [];
  const placeOf = async (digest: Digest): Promise<LocationRecord | undefined> =>
    (await places.locations(digest)).find((one) => locationKey(one.location) === repository);
  const pushes = await mapConcurrently([...output], QUESTIONS_AT_ONCE, placeOf);
  const known = pushes.flatMap((place) => place?.firstPushSeenAtEpochMs ?? []);
  const verifiedAtEpochMs = known.length > 0 ? Math.max(...known) : Number.POSITIVE_INFINITY;
  const builds = made.flatMap(({ birth }) => builtAtEpochMs(birth) ?? []);
  const isBuiltBefore = (birth: Birth): boolean => {
    const atEpochMs = builtAtEpochMs(birth);
    return atEpochMs !== undefined && builds.length > 0 && builds.every((verified) => atEpochMs < verified);
  };
  return async ({ digest, stream: own, birth }) => {
    const place = await placeOf(digest);
    const tags = [...(place?.tags ?? []), ...(place?.askedTags ?? [])];
    const hasNoLine = rules.length > 0 && makingLineOf(rules, tags) === undefined;
    const isOfBranch = own === undefined && tags.length > 0 && hasNoLine;
    // It existed before the first recorded push: a person may have moved a tag back to it.
    const isFirstSeen = place?.thereSinceEpochMs === undefined && !(birth && isBuiltBefore(birth));
    return isOfBranch || (isFirstSeen && (place?.firstPushSeenAtEpochMs ?? 0) > verifiedAtEpochMs);
  };
}
