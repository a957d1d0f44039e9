import { newPairs } from '../../shared/domain/cause/added-pairs.ts';
import { begunAtEpochMs, type Rebuild, type RebuildOutcome } from '../../shared/domain/cause/rebuild.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { unpackedId } from '../../shared/domain/lineage/chain-id.ts';
import { diffIdsOf } from '../../shared/domain/lineage/layered-image.ts';
import { isUnclear, judgeOutcome, type RebuildJudgement, type Rebuilt } from '../../shared/domain/rollout/outcome.ts';
import { languageKnownAtEpochMs, resultAtEpochMs } from '../../shared/domain/scan/scan-state.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { type PolicyInForce, policyInForce } from '../../shared/review/policy-in-force.ts';
import type { VerifyStepInput } from './input.ts';
import { whyNeverScanned } from './never-scanned.ts';
import { imagesOf, judgedImage, keptFindingsOf, learnOutput, type OutputImage } from './output-images.ts';
import { evidenceOf } from './pair-evidence.ts';
import {
  provenOutput,
  recordOutcome,
  type Verification,
  type VerifyLimits,
  type VerifyPorts,
  verificationOf,
  verifyWaitSeconds,
  waitForPolicy,
} from './ports.ts';
import { scanImages } from './scan-images.ts';

export interface CheckedScan {
  readonly decision: 'wait' | 'promote' | 'ended';
  readonly waitSeconds: number;
}

/** Requests scans of the output of a rebuild; unknown images are refreshed first. */
export async function requestScans(ports: VerifyPorts, rebuild: Rebuild): Promise<void> {
  const output = provenOutput(rebuild);
  if (rebuild.outcome) return;
  await rescanUnclear(ports, { rebuild }, await learnOutput(ports, rebuild.stream, output));
}

/**
 * Decides whether the findings of the cause are gone from the output, once all its images have a complete scan. The
 * result is `unverified` at the deadline, or at once if no scan can come. While the policy in force is unreadable,
 * verification waits until the deadline of the cascade, because the output is not at fault. The time for the scan
 * starts after that.
 */
export async function check(ports: VerifyPorts, limits: VerifyLimits, step: VerifyStepInput): Promise<CheckedScan> {
  const [verification, inForce] = await Promise.all([verificationOf(ports, step), policyInForce(ports.policies)]);
  const { rebuild, policy, deadlineEpochMs } = verification;
  const withoutPolicy = rebuild.outcome ? undefined : await waitForPolicy(ports, limits, verification, inForce);
  if (withoutPolicy) return withoutPolicy;
  const judgement = rebuild.outcome ?? (await judgeSoon(ports, { ...verification, inForce }));
  if (judgement.result === 'pending')
    return { decision: 'wait', waitSeconds: verifyWaitSeconds(ports, limits, verification, deadlineEpochMs) };
  const outcome: RebuildOutcome = rebuild.outcome ?? (await recordOutcome(ports, rebuild, judgement));
  const isPromoted = outcome.result === 'fixed' && policy.promotes;
  return { decision: isPromoted ? 'promote' : 'ended', waitSeconds: limits.pollSeconds };
}

/** With the policy in force, which the step has read. */
interface Judging extends Verification {
  readonly inForce: PolicyInForce;
}

/** How long the first checks may follow one another here: the state machine waits in seconds, by its poll interval. */
const SOON_MS = 2_000;
const FIRST_WAIT_MS = 100;

/**
 * A scan may take only a moment, so at first each wait doubles the time waited so far. Images without lineage are left
 * to the state machine, which has them placed before each check.
 */
async function judgeSoon(ports: VerifyPorts, verification: Judging): Promise<RebuildJudgement> {
  const { rebuild, sinceEpochMs } = verification;
  const output = provenOutput(rebuild);
  const first = await learnOutput(ports, rebuild.stream, output);
  const isPlaced = first.every(({ record }) => record?.lineage);
  const untilEpochMs = Math.min(sinceEpochMs, ports.clock()) + SOON_MS;
  let judgement = await judgeRebuild(ports, verification, first);
  for (let waitMs = FIRST_WAIT_MS; isPlaced && judgement.result === 'pending'; waitMs *= 2) {
    if (ports.clock() + waitMs > untilEpochMs) break;
    await ports.sleep(waitMs);
    judgement = await judgeRebuild(ports, verification, await imagesOf(ports, output));
  }
  return judgement;
}

async function judgeRebuild(
  ports: VerifyPorts,
  verification: Judging,
  known: readonly OutputImage[],
): Promise<RebuildJudgement> {
  const { rebuild, deadlineEpochMs } = verification;
  const isNews = await rescanUnclear(ports, verification, known);
  const made = isNews ? await imagesOf(ports, provenOutput(rebuild)) : known;
  const images = made.map(judgedImage);
  const unclear = made.filter((image) => isUnclear(judgedImage(image), rebuild.facts));
  const never = await whyNeverScanned(ports, rebuild, unclear);
  if (never !== undefined) return { result: 'unverified', reason: never };
  const isClear = unclear.length === 0;
  const { headBefore } = rebuild;
  const before = isClear && headBefore ? await imagesOf(ports, headBefore) : undefined;
  const isSame = before && (await reconfirm(ports, rebuild, before, made));
  const rebuilt = {
    // Its age counts from this build, once a review has read it.
    facts: isSame ? rebuild.facts.filter(({ kind }) => kind !== 'age') : rebuild.facts,
    output: images,
    ...(rebuild.factsOfOthers && { factsOfOthers: rebuild.factsOfOthers }),
    begunAtEpochMs: begunAtEpochMs(rebuild),
    verifyDeadlineEpochMs: deadlineEpochMs,
    ...(headBefore === undefined && { isFirst: true }),
    ...(rebuild.unreadRegistries && { unreadRegistries: rebuild.unreadRegistries }),
    ...(rebuild.pinned && { pinnedTo: rebuild.pinned.map(({ stream }) => stream) }),
  };
  return before && headBefore
    ? judgeAgainst(ports, verification, { rebuilt, headBefore, before, made })
    : judgeOutcome(rebuilt, ports.clock());
}

interface Comparison {
  readonly rebuilt: Rebuilt;
  readonly headBefore: Digest;
  readonly before: readonly OutputImage[];
  readonly made: readonly OutputImage[];
}

/**
 * Judges a fully scanned output against the previous image. If the output seems to add a violating pair, the previous
 * image is scanned again if possible: its last scan may be older than the scanner's data.
 */
async function judgeAgainst(
  ports: VerifyPorts,
  { rebuild, deadlineEpochMs, inForce }: Judging,
  { rebuilt, headBefore, before, made }: Comparison,
): Promise<RebuildJudgement> {
  const kept = await compareWith(ports, rebuilt, before);
  if (newPairs(kept).others.length === 0) return judgeOutcome(kept, ports.clock());
  const known = before.flatMap(({ record }) => record ?? []);
  const old = known.filter(isScannedBefore(rebuilt.begunAtEpochMs));
  const awaited = await scanImages(ports, { ...asker(rebuild), inForce }, old);
  if (awaited.length > 0 && ports.clock() < deadlineEpochMs)
    return { result: 'pending', waitingFor: `a scan of the previous head (${awaited.join(', ')})` };
  const scanned = await imagesOf(ports, headBefore);
  const compared = await compareWith(ports, rebuilt, scanned);
  const pairs = newPairs(compared).others;
  const evidence = pairs.length > 0 ? await evidenceOf(ports, rebuild, pairs, { made, before: scanned }) : new Map();
  return judgeOutcome({ ...compared, evidence }, ports.clock());
}

async function compareWith(ports: VerifyPorts, rebuilt: Rebuilt, before: readonly OutputImage[]): Promise<Rebuilt> {
  const findingsBefore = await keptFindingsOf(ports, before);
  const isLanguageKnownBefore = before.every(
    ({ record }) => record !== undefined && languageKnownAtEpochMs(record.scan) !== undefined,
  );
  return { ...rebuilt, ...(findingsBefore && { findingsBefore }), isLanguageKnownBefore };
}

const asker = ({ rebuildId, reservedAtEpochMs }: Rebuild) => ({ asker: rebuildId, sinceEpochMs: reservedAtEpochMs });

const isScannedBefore =
  (atEpochMs: number) =>
  ({ scan }: ImageRecord): boolean =>
    (resultAtEpochMs(scan) ?? 0) <= atEpochMs;

/**
 * Output images with the content of the previous head are as young as this build, which used no cache and pulled its
 * parent anew. A run that another party started had no such request, and a taken-over output was built before.
 * @returns whether every image came out that way
 */
async function reconfirm(
  { images, contents, rebuilds }: Pick<VerifyPorts, 'images' | 'contents' | 'rebuilds'>,
  { stream, rebuildId, startingAtEpochMs, build, takenOverFrom }: Rebuild,
  before: readonly OutputImage[],
  made: readonly OutputImage[],
): Promise<boolean> {
  if (!startingAtEpochMs || build?.supersededBy || takenOverFrom) return false;
  const same = await sameAgain(contents, before, made);
  for (const { digest } of same) await images.recordReconfirmation(digest, startingAtEpochMs);
  if (same.length < made.length) return false;
  await rebuilds.record(stream, rebuildId, (rebuild) => rebuild && { ...rebuild, reconfirms: true });
  return true;
}

/** Images with the same content as one of the previous images, regardless of layer compression. */
async function sameAgain(
  contents: VerifyPorts['contents'],
  before: readonly OutputImage[],
  made: readonly OutputImage[],
): Promise<readonly OutputImage[]> {
  const chains = new Set(before.map(({ record }) => record?.chainId));
  const isPackedAlike = ({ record }: OutputImage) => record?.chainId !== undefined && chains.has(record.chainId);
  const layerCounts = new Set(before.map(({ record }) => record?.layerCount));
  const isComparable = ({ record }: OutputImage) =>
    record?.layerCount !== undefined && layerCounts.has(record.layerCount);
  const repacked = made.filter((image) => !isPackedAlike(image) && isComparable(image));
  if (repacked.length === 0) return made.filter(isPackedAlike);
  const known = await contents.get([...before, ...repacked].map(({ digest }) => digest));
  const unpackedOf = ({ digest }: OutputImage) => {
    const content = known.get(digest);
    return content && unpackedId(diffIdsOf(content));
  };
  const unpacked = new Set(before.map(unpackedOf));
  const isSame = (image: OutputImage) => {
    const id = unpackedOf(image);
    return id !== undefined && unpacked.has(id);
  };
  return made.filter((image) => isPackedAlike(image) || isSame(image));
}

/**
 * A clear image is not read again: later events count.
 * @returns whether any image was read, so more may be known
 */
async function rescanUnclear(
  ports: VerifyPorts,
  { rebuild, inForce }: Pick<Verification, 'rebuild'> & Partial<Judging>,
  images: readonly OutputImage[],
): Promise<boolean> {
  const unclear = images.filter((image) => isUnclear(judgedImage(image), rebuild.facts));
  const known = unclear.flatMap(({ record }) => record ?? []);
  await scanImages(ports, { ...asker(rebuild), ...(inForce && { inForce }) }, known);
  return known.length > 0;
}
