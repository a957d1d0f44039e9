import { mapConcurrently } from '../concurrency.ts';
import { ageOf } from '../domain/age/image-lineage.ts';
import { factsFor } from '../domain/cause/cause.ts';
import { DAY_MS } from '../domain/common/time.ts';
import type { Digest } from '../domain/image/image.ts';
import { type AppliedPolicy, appliedWith } from '../domain/policy/applied-policy.ts';
import { type Finding, findingKey, fingerprint } from '../domain/scan/finding.ts';
import type { ScanReading, ScanState } from '../domain/scan/scan.ts';
import { isKnowledge, resultAtEpochMs, stateAfterReading, unscannable } from '../domain/scan/scan-state.ts';
import { datedVerdict, isDatable, withEndedTags } from '../domain/verdict/dated-verdict.ts';
import { evaluate, type VerdictInputs } from '../domain/verdict/evaluate.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import { knowsMore, propertiesIn, withJudgement } from '../domain/verdict/image-updates.ts';
import { firstSeenNow } from '../domain/verdict/severity.ts';
import type { Verdict, VerdictStatus } from '../domain/verdict/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import { ImageChangedError, ImageNotRecordedError } from '../ports/errors.ts';
import type { EvidenceStore } from '../ports/evidence.ts';
import type { CauseLedger, ImageLedger, Judgement, StreamLedger } from '../ports/ledger.ts';
import type { Policies, PolicyHistory, PolicyVersion } from '../ports/policies.ts';
import type { Retry } from '../ports/retry.ts';
import { configBelowReader, type ReadConfigBelow } from './config-below.ts';
import { recordFirstSeenIn } from './first-seen.ts';
import { coveringFindings, keptFindings } from './kept-findings.ts';
import { recordCauses } from './record-causes.ts';
import { type ReadSystemBelow, systemReader } from './system-below.ts';
import { ancestorReader, type ReadAncestors } from './waived-ancestors.ts';

/** Each may have some thousand findings in memory. */
const IMAGES_AT_ONCE = 8;

interface JudgePorts {
  readonly streams: Pick<StreamLedger, 'firstSeen' | 'recordFirstSeen'>;
  readonly evidence: EvidenceStore;
  readonly ancestors: ReadAncestors;
  readonly configBelow: ReadConfigBelow;
  readonly systemBelow: ReadSystemBelow;
  /** The policy of the judgement, then those that were in force before it. */
  readonly history: () => Promise<PolicyHistory>;
}

export interface JudgeImagesPorts extends Omit<JudgePorts, 'ancestors' | 'configBelow' | 'systemBelow' | 'history'> {
  readonly policies: Pick<Policies, 'history'>;
  readonly images: ImageLedger;
  readonly causes: CauseLedger;
  readonly clock: Clock;
  readonly retry: Retry;
}

export interface Target {
  readonly image: ImageRecord;
  /** Reads the scanner; absent if the image is judged already and only its cause may be missing. */
  readonly learn?: () => Promise<Learnt>;
}

/** A judged image, with its record as the ledger has it now. */
interface JudgedImage {
  readonly status: VerdictStatus;
  readonly image: ImageRecord;
}

export type Outcome = JudgedImage | { readonly error: unknown };

/**
 * Judges images. The verdict is written after everything that follows from it, because an image with a verdict of this
 * run is not evaluated again. A failing image stops no other.
 */
export async function judgeImages(
  ports: JudgeImagesPorts,
  policy: PolicyVersion,
  targets: readonly Target[],
): Promise<ReadonlyMap<Digest, Outcome>> {
  const outcomes = new Map<Digest, Outcome>();
  const orFailed = async <Item extends { readonly image: ImageRecord }, Result>(
    items: readonly Item[],
    task: (item: Item) => Promise<Result>,
  ): Promise<Result[]> => {
    const results = await mapConcurrently(items, IMAGES_AT_ONCE, async (item) => {
      try {
        return [await task(item)];
      } catch (error) {
        outcomes.set(item.image.digest, { error });
        return [];
      }
    });
    return results.flat();
  };

  const readHistory = async () => {
    const { applied, ...read } = await ports.policies.history();
    return { ...read, applied: appliedWith(applied, policy, ports.clock()) };
  };
  let history: ReturnType<typeof readHistory> | undefined;
  const judging = {
    ...ports,
    ancestors: ancestorReader(ports),
    configBelow: configBelowReader(ports),
    systemBelow: systemReader(ports),
    history: () => (history ??= readHistory()),
  };
  const judged = await orFailed(targets, (target) => judgeTarget(judging, policy, target));
  const failedStreams = await recordCauses(ports.causes, judged.flatMap(factsFor));
  await orFailed(judged, async ({ image, verdict, judgement }) => {
    const blocked =
      image.stream !== undefined && factsFor({ image, verdict }).length > 0 && failedStreams.get(image.stream);
    if (blocked) throw blocked;
    outcomes.set(
      image.digest,
      judgement ? await write(ports.images, image, judgement) : { status: verdict.status, image },
    );
  });
  return outcomes;
}

interface JudgedTarget {
  readonly image: ImageRecord;
  readonly verdict: Verdict;
  /** Absent if it is already written. */
  readonly judgement?: Judgement;
}

async function judgeTarget(
  ports: JudgeImagesPorts & JudgePorts,
  policy: PolicyVersion,
  { image, learn }: Target,
): Promise<JudgedTarget> {
  if (!learn) {
    if (!image.verdict) throw new ImageNotRecordedError(image.digest);
    return { image, verdict: image.verdict };
  }
  const judgement = await judgeImage(ports, policy, image, await learn(), ports.clock());
  return { image, verdict: judgement.verdict, judgement };
}

/**
 * A newer result that arrived meanwhile stays, with its verdict; so does a verdict with newer properties.
 * @throws ImageChangedError if the properties are newer and not judged yet, or an older result knows more of language
 * packages: the next judgement has the news of both
 */
async function write(images: ImageLedger, before: ImageRecord, judgement: Judgement): Promise<JudgedImage> {
  const { digest, verdict } = judgement;
  if (await images.recordJudgement(judgement))
    return { status: verdict.status, image: withJudgement(before, judgement) ?? before };
  const now = (await images.get([digest])).get(digest);
  if (!now) throw new ImageNotRecordedError(digest);
  if (!now.verdict || now.judgedAtEpochMs === undefined) throw new ImageChangedError(digest);
  const isOlder = (resultAtEpochMs(now.scan) ?? 0) < (resultAtEpochMs(judgement.scan) ?? 0);
  if (isOlder && knowsMore(now.scan, judgement.scan)) throw new ImageChangedError(digest);
  return { status: now.verdict.status, image: now };
}

/** The scan data of an image: a read of the scanner, or stored data only. */
export type Learnt = ScanReading | { readonly outcome: 'kept'; readonly findings?: readonly Finding[] };

/** The currently known findings; `undefined` if they are unknown, which is not the same as none. */
interface Known {
  readonly scan: ScanState;
  readonly findings?: readonly Finding[];
  readonly isNew: boolean;
  /** The evidence is not of the last verdict, so it is written even if the findings are the same. */
  readonly isEvidenceUnjudged?: true;
}

/**
 * Judges one image, and stores what its verdict needs first: first sightings and findings. The caller writes the
 * verdict last, so that a crash leaves the image unjudged.
 */
async function judgeImage(
  ports: JudgePorts,
  { policy, version }: PolicyVersion,
  image: ImageRecord,
  learnt: Learnt,
  nowEpochMs: number,
): Promise<Judgement> {
  const known = await knownAfter(ports.evidence, image, learnt, nowEpochMs);
  const firstSeen = await firstSeenNowOf(ports.streams, policy, image, known);
  const { scan, findings } = known;
  const ancestors = await ports.ancestors(image, policy, nowEpochMs);
  const below = await ports.configBelow(image, policy);
  const system = await ports.systemBelow(image);
  const facts = {
    image,
    scan,
    firstSeen,
    ancestors,
    ...(findings && { findings }),
    ...(below && { below }),
    ...(system && { system }),
  };
  return {
    digest: image.digest,
    scan,
    verdict: await dated(ports, evaluate(facts, policy, version, nowEpochMs), facts, nowEpochMs),
    judgedAtEpochMs: nowEpochMs,
    properties: propertiesIn(image),
    age: ageOf(image),
    ...(image.guessedIn && { guessedIn: image.guessedIn }),
    ...(known.isNew && findings && (await keep(ports.evidence, image, { ...known, findings }))),
  };
}

/** Most images break no rule, and nothing more is read for them. */
async function dated(
  { history, ancestors }: Pick<JudgePorts, 'history' | 'ancestors'>,
  judged: Verdict,
  facts: VerdictInputs & { readonly image: ImageRecord },
  nowEpochMs: number,
): Promise<Verdict> {
  const verdict = withEndedTags(judged, facts.image.verdict, nowEpochMs);
  if (!isDatable(verdict)) return verdict;
  const { applied, unreadable } = await history();
  const [{ policy }] = applied as [AppliedPolicy];
  // A waiver that the policy no longer has may have covered what the image inherits.
  const waivers = applied.flatMap((one) => one.policy.waivers);
  const below = await ancestors(facts.image, { ...policy, waivers }, nowEpochMs);
  const inputs = { ...facts, ancestors: below, isHistoryPartial: unreadable.length > 0 };
  return datedVerdict(verdict, inputs, applied, nowEpochMs);
}

export interface ForeseePorts extends Pick<JudgePorts, 'ancestors' | 'configBelow' | 'systemBelow' | 'history'> {
  readonly streams: Pick<StreamLedger, 'firstSeen'>;
  readonly evidence: Pick<EvidenceStore, 'findings'>;
}

/** The judgement of an image on the findings at hand, as `judgeImages` would write it. It writes nothing. */
export async function judgementForeseen(
  { streams, evidence, ...ports }: ForeseePorts,
  policy: PolicyVersion,
  image: ImageRecord,
  nowEpochMs: number,
): Promise<Judgement> {
  // Evidence of another result than the last one is the best there is: the review would ask the scanner.
  const findings = (await keptFindings(evidence, image)) ?? (await evidence.findings(image.digest))?.findings;
  const reading = {
    ...ports,
    streams: { firstSeen: (key: string) => streams.firstSeen(key), recordFirstSeen: async () => {} },
    evidence: { findings: (digest: Digest) => evidence.findings(digest), putFindings: async () => {} },
  };
  const scanned = { ...image, scan: scanForeseen(image.scan, nowEpochMs) };
  return judgeImage(reading, policy, scanned, { outcome: 'kept', ...(findings && { findings }) }, nowEpochMs);
}

/** A review has an image scanned again whose last result is older than a day. It is taken for granted that the scan finds the same. */
function scanForeseen(scan: ScanState, nowEpochMs: number): ScanState {
  const resultAt = resultAtEpochMs(scan);
  const isScannedAgain = isKnowledge(scan) || scan.state === 'stale';
  if (!isScannedAgain || resultAt === undefined || resultAt > nowEpochMs - DAY_MS) return scan;
  return { ...scan, state: scan.state === 'continuous' ? scan.state : 'complete', completedAtEpochMs: nowEpochMs };
}

type WithFindings = Known & Required<Pick<Known, 'findings'>>;

async function knownAfter(
  evidence: EvidenceStore,
  image: ImageRecord,
  learnt: Learnt,
  nowEpochMs: number,
): Promise<Known> {
  if (learnt.outcome === 'complete') {
    const scan = stateAfterReading(image.scan, learnt, nowEpochMs);
    // An older result than the stored one: its findings are history.
    const isNew = scan.completedAtEpochMs === learnt.completedAtEpochMs;
    if (isNew) return withUncovered(evidence, image, { scan, findings: learnt.findings, isNew });
  }
  const findings = learnt.outcome === 'kept' ? learnt.findings : await keptFindings(evidence, image);
  return { scan: scanAfter(image, learnt, nowEpochMs), isNew: false, ...(findings && { findings }) };
}

/**
 * The content of a digest never changes. So what a scanner found in language packages stays known if the last result is
 * of one that does not cover these: the registry went back to basic scanning, or only a copy could be read. If it is not
 * at hand, the findings are unknown until a scan that covers these. Where an older version did not mark them, each finding
 * that the last result does not list may be one.
 */
async function withUncovered(evidence: EvidenceStore, image: ImageRecord, known: WithFindings): Promise<Known> {
  const { scan, findings } = known;
  if (scan.coverage.includes('language') || !image.scan.coverage.includes('language')) return known;
  const before = await coveringFindings(evidence, image);
  const covered = { ...scan, coverage: image.scan.coverage };
  if (!before) return { scan: covered, isNew: false };
  const uncovered = before.isUnmarked
    ? notListed(before.findings, findings).map((finding) => ({ ...finding, isLanguagePackage: true as const }))
    : before.findings.filter(({ isLanguagePackage }) => isLanguagePackage);
  const now = { ...known, ...(before.isUnjudged && { isEvidenceUnjudged: true as const }) };
  return uncovered.length === 0 ? now : { ...now, scan: covered, findings: [...findings, ...uncovered] };
}

function notListed(before: readonly Finding[], listed: readonly Finding[]): readonly Finding[] {
  const keys = new Set(listed.map(findingKey));
  return before.filter((finding) => !keys.has(findingKey(finding)));
}

function scanAfter(image: ImageRecord, learnt: Learnt, nowEpochMs: number): ScanState {
  if (learnt.outcome !== 'kept') return stateAfterReading(image.scan, learnt, nowEpochMs);
  const cannot = unscannable(image);
  return cannot ? { ...image.scan, ...cannot } : image.scan;
}

/** The data of an image that cannot or need not be scanned again. */
export async function learnKept(evidence: EvidenceStore, image: ImageRecord): Promise<Learnt> {
  const findings = await keptFindings(evidence, image);
  return { outcome: 'kept', ...(findings && { findings }) };
}

async function firstSeenNowOf(
  streams: JudgePorts['streams'],
  policy: PolicyVersion['policy'],
  image: ImageRecord,
  { scan, findings = [] }: Known,
): Promise<ReadonlyMap<string, number>> {
  const seen = firstSeenNow(policy, image.tier, findings, resultAtEpochMs(scan) ?? 0);
  return seen.size === 0 ? seen : recordFirstSeenIn(streams, image, seen);
}

/** Written only if the set of findings is not the stored one, so that every version is meaningful to an auditor. */
async function keep(
  evidence: EvidenceStore,
  { digest, findingsFingerprint, scan: before }: ImageRecord,
  { scan: { completedAtEpochMs = 0, coverage }, findings, isEvidenceUnjudged }: WithFindings,
): Promise<Pick<Judgement, 'findingsFingerprint' | 'findingsCount'>> {
  const print = fingerprint(findings);
  if (print !== findingsFingerprint || isEvidenceUnjudged) {
    const scanner = coverage.includes('language') ? 'ecr-enhanced' : 'ecr-basic';
    const coversLanguage = [coverage, before.coverage].some((kinds) => kinds.includes('language'));
    await evidence.putFindings({
      ...{ digest, scanner, completedAtEpochMs, findings },
      ...(coversLanguage && { coversLanguage }),
    });
  }
  return { findingsFingerprint: print, findingsCount: findings.length };
}
