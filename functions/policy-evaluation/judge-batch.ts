import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { piecesOf } from '../../shared/concurrency.ts';
import { namedFailure } from '../../shared/domain/common/failure-text.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { OutcomeCounts, RunPart } from '../../shared/domain/review/run.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { type CoverageCounts, coverageOf, sumOfCoverage } from '../../shared/domain/verdict/verdict.ts';
import {
  type JudgeImagesPorts,
  judgeImages,
  type Learnt,
  learnKept,
  type Outcome,
  type Target,
} from '../../shared/judging/judge-images.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { ImageNotRecordedError } from '../../shared/ports/errors.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import type { PolicyStore, PolicyVersion } from '../../shared/ports/policies.ts';
import type { Scanner } from '../../shared/ports/scanner.ts';
import { policyOfRun } from '../../shared/review/policy-in-force.ts';
import { readAnywhere } from '../../shared/scanning/read.ts';
import { countDoubts, type DoubtPorts, UNTIL_NEXT_REVIEW_MS } from './count-doubts.ts';
import { findingSource } from './finding-source.ts';
import type { ReviewBatch } from './input.ts';

/** Number of verdicts kept in memory before they are written. */
const PIECE = 25;
const ATTEMPTS = 3;

export interface JudgeBatchPorts extends JudgeImagesPorts, DoubtPorts {
  readonly runs: Pick<RunLedger, 'recordPart'>;
  readonly policies: Pick<PolicyStore, 'load' | 'history'>;
  readonly scanner: Scanner;
}

export type VerdictPart = Extract<RunPart, { kind: 'verdict' }>;

/**
 * Judges a batch of a review, and reads only results that no event brought. Failures are retried after the rest, then
 * named in the run: each digest has exactly one outcome.
 */
export async function judgeBatch(ports: JudgeBatchPorts, batch: ReviewBatch): Promise<VerdictPart> {
  const judging = { ...ports, policies: reportingUnread(ports.policies) };
  const policy = await policyOfRun(ports, batch);
  const outcomes = new Map<Digest, Outcome>();
  const records = new Map<Digest, ImageRecord>();
  let left: readonly Digest[] = batch.digests;
  for (let attempt = 1; attempt <= ATTEMPTS && left.length > 0; attempt += 1) {
    if (attempt > 1) await ports.retry.wait(attempt - 1);
    for (const piece of piecesOf(left, PIECE)) {
      const { known, judged } = await judgePiece(judging, policy, batch, piece);
      for (const [digest, image] of known) records.set(digest, image);
      for (const [digest, outcome] of judged) outcomes.set(digest, outcome);
    }
    left = left.filter((digest) => 'error' in (outcomes.get(digest) ?? {}));
  }
  // The last result of an image that could not be judged becomes stale too.
  const images = [...outcomes].flatMap(([digest, outcome]) =>
    'image' in outcome ? outcome.image : (records.get(digest) ?? []),
  );
  if (batch.mode === 'review') await countDoubts(ports, policy.policy, images, UNTIL_NEXT_REVIEW_MS);
  const part = partOf(batch.batch, outcomes);
  await ports.runs.recordPart(batch.runId, part);
  return part;
}

type JudgePiecePorts = Pick<JudgeBatchPorts, 'scanner'> & JudgeImagesPorts;

async function judgePiece(
  ports: JudgePiecePorts,
  policy: PolicyVersion,
  batch: ReviewBatch,
  digests: readonly Digest[],
): Promise<{ readonly known: ReadonlyMap<Digest, ImageRecord>; readonly judged: ReadonlyMap<Digest, Outcome> }> {
  const known = await ports.images.get(digests);
  await ports.scanner.readsNext([...known.values()]);
  const targets = [...known.values()].map((image) => targetOf(ports, batch, image, policy.policy));
  const outcomes = await judgeImages(ports, policy, targets);
  const judged = new Map(
    digests.map((digest) => [digest, outcomes.get(digest) ?? { error: new ImageNotRecordedError(digest) }] as const),
  );
  return { known, judged };
}

/** What policies objected to that cannot be read is lost, so that a rule may look newer than it is: reported once a batch. */
function reportingUnread(policies: JudgeImagesPorts['policies']): JudgeImagesPorts['policies'] {
  let isReported = false;
  return {
    async history() {
      const read = await policies.history();
      const { unreadable } = read;
      if (unreadable.length > 0 && !isReported) {
        isReported = true;
        metrics.addMetric('PoliciesUnreadable', MetricUnit.Count, unreadable.length);
        logger.warn('earlier policies cannot be read, so the grace of a rule may begin later than it should', {
          versions: unreadable.slice(0, MOST_NAMED),
          next: 'Restore policies/<version>.json in the evidence bucket from an earlier version of the object.',
        });
      }
      return read;
    },
  };
}

const MOST_NAMED = 10;

function targetOf(ports: JudgePiecePorts, batch: ReviewBatch, image: ImageRecord, policy: Policy): Target {
  const source = findingSource(image, batch, ports.clock(), policy);
  if (source === 'judged') return { image };
  const read = () => readAnywhere(ports.scanner, image.locations, image);
  if (source === 'read') return { image, learn: read };
  const learn = async (): Promise<Learnt> => {
    const kept = await learnKept(ports.evidence, image);
    return source === 'evidence' && !('findings' in kept) ? read() : kept;
  };
  return { image, learn };
}

function partOf(key: string, outcomes: ReadonlyMap<Digest, Outcome>): VerdictPart {
  const failures: VerdictPart['failures'][number][] = [];
  const covered: (CoverageCounts | undefined)[] = [];
  const counts: { -readonly [Name in keyof OutcomeCounts]: number } = {
    compliant: 0,
    violating: 0,
    unknown: 0,
    failed: 0,
  };
  for (const [digest, outcome] of outcomes) {
    counts['status' in outcome ? outcome.status : 'failed'] += 1;
    if ('status' in outcome && outcome.status === 'compliant') covered.push(coverageOf(outcome.image.verdict ?? {}));
    if ('error' in outcome) failures.push({ digest, ...namedFailure(outcome.error) });
  }
  return { kind: 'verdict', key, outcomes: counts, ...sumOfCoverage(covered), failures };
}
