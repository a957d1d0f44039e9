import { mapConcurrently } from '../../shared/concurrency.ts';
import type { RunPart, ScanCounts } from '../../shared/domain/review/run.ts';
import { isInspected } from '../../shared/domain/scan/registry-scanning.ts';
import type { ScanReason } from '../../shared/domain/scan/scan.ts';
import { SCAN_INTERVAL_MS } from '../../shared/domain/scan/scan-decision.ts';
import { unscannable } from '../../shared/domain/scan/scan-state.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ImageLedger, RunLedger } from '../../shared/ports/ledger.ts';
import type { Answer, AskWorld } from '../../shared/scanning/ask.ts';
import { askForScan, recordRefusal } from '../../shared/scanning/ask-for-scan.ts';
import { nextScanStep, notCovered, type ScanMoment, type ScanOutcome, type ScanStep } from './decide.ts';
import type { ScanTriggerInput } from './input.ts';

const IMAGES_AT_ONCE = 8;

export interface AskPorts extends AskWorld {
  readonly images: ImageLedger;
  readonly runs: Pick<RunLedger, 'recordPart'>;
  readonly clock: Clock;
}

export interface AskLimits {
  readonly catchUpMinutes: number;
  readonly dailyQuota: number;
}

type ScanPart = Extract<RunPart, { kind: 'scan' }>;

/** Requests the due scans of a batch, and counts each digest once. A preview counts and requests nothing. */
export async function askScans(ports: AskPorts, limits: AskLimits, input: ScanTriggerInput): Promise<ScanPart> {
  const known = await ports.images.get(input.digests);
  const found = input.found ?? 0;
  const outcomes = await mapConcurrently([...new Set(input.digests)], IMAGES_AT_ONCE, async (digest) => {
    const image = known.get(digest);
    if (!image) return NEVER_SCANNED_REFUSAL;
    const moment = { ...limits, found, startedAtEpochMs: input.startedAtEpochMs, nowEpochMs: ports.clock() };
    return take(ports, input, image, moment);
  });
  const part = partOf(input.batch, outcomes);
  await ports.runs.recordPart(input.runId, part);
  return part;
}

/** Its facts could not be recorded: the run part of the registry says why. */
const NEVER_SCANNED_REFUSAL: ScanOutcome = { kind: 'refused', reason: 'never-scanned' };

async function take(
  ports: AskPorts,
  { runId, mode, policyVersion }: ScanTriggerInput,
  image: ImageRecord,
  moment: ScanMoment,
): Promise<ScanOutcome> {
  const step = (await stepOfRegistries(ports, image)) ?? nextScanStep(image, moment);
  if (step.kind === 'record') {
    await recordRefusal(ports, image, step.scan, policyVersion);
    return { kind: 'refused', reason: step.reason };
  }
  if (step.kind !== 'ask') return step;
  if (mode === 'preview') return { kind: 'requested' };
  const { nowEpochMs } = moment;
  const claim = { runId, atEpochMs: nowEpochMs, notSinceEpochMs: step.notSinceEpochMs };
  const answer = await askForScan(ports, image, claim, policyVersion);
  if (!answer) return { kind: 'not-needed' };
  return outcomeOf(answer, moment, (image.scan.requestedAtEpochMs ?? 0) >= moment.startedAtEpochMs);
}

/**
 * The step of an image whose registries take no requests: Amazon Inspector scans it, or no rule of theirs covers it.
 * `undefined` if one takes requests, or does not say, unless Amazon Inspector watches the image in another one.
 */
async function stepOfRegistries(
  { scanner }: Pick<AskPorts, 'scanner'>,
  image: Pick<ImageRecord, 'locations' | 'unresolved' | 'scan'>,
): Promise<ScanStep | undefined> {
  if (unscannable(image)) return undefined;
  const ways = await Promise.all(
    // The request itself reports a registry that fails.
    image.locations.map((location) => scanner.scanning(location).catch(() => undefined)),
  );
  if (image.scan.state === 'continuous' && ways.includes('continuous')) return { kind: 'not-needed' };
  if (ways.some((way) => way === undefined || way === 'basic')) return undefined;
  return ways.some(isInspected) ? { kind: 'not-needed' } : notCovered(image.scan);
}

/** Scanners report whole seconds. */
const SCANNER_PRECISION_MS = 1000;

/** @param askedBefore whether this run requested the scan before a crash */
function outcomeOf(answer: Answer, { nowEpochMs }: ScanMoment, askedBefore: boolean): ScanOutcome {
  if (answer.outcome === 'requested') return { kind: 'requested' };
  if (answer.outcome === 'refused') return { kind: 'refused', reason: answer.reason };
  // Findings are not recorded here: only policy evaluation reads and judges them.
  const { completedAtEpochMs, isWatched } = answer;
  if (isWatched) return { kind: 'not-needed' };
  if (completedAtEpochMs <= nowEpochMs - SCAN_INTERVAL_MS) return { kind: 'refused', reason: 'quota-or-scanned' };
  // The error of our own repeated request, whose first reply was lost.
  const isOurs = askedBefore || completedAtEpochMs >= nowEpochMs - SCANNER_PRECISION_MS;
  return { kind: isOurs ? 'requested' : 'not-needed' };
}

function partOf(batch: string, outcomes: readonly ScanOutcome[]): ScanPart {
  const refused: Partial<Record<ScanReason, number>> = {};
  for (const outcome of outcomes) {
    if (outcome.kind === 'refused') refused[outcome.reason] = (refused[outcome.reason] ?? 0) + 1;
  }
  const count = (kind: ScanOutcome['kind']): number => outcomes.filter((outcome) => outcome.kind === kind).length;
  const scans: ScanCounts = {
    requested: count('requested'),
    fresh: count('not-needed'),
    later: count('later'),
    refused,
  };
  const opensAt = outcomes.flatMap((outcome) => (outcome.kind === 'later' ? [outcome.untilEpochMs] : []));
  return { kind: 'scan', key: batch, scans, ...(opensAt.length > 0 && { laterUntilEpochMs: Math.max(...opensAt) }) };
}
