import { mapConcurrently } from '../concurrency.ts';
import { factsFor } from '../domain/cause/cause.ts';
import type { Digest } from '../domain/image/image.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { Verdict, VerdictStatus } from '../domain/verdict/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import { ImageFactsChangedError, ImageNotRecordedError } from '../ports/errors.ts';
import type { CauseLedger, ImageLedger, Judgement } from '../ports/ledger.ts';
import type { PolicyVersion } from '../ports/policies.ts';
import type { Retry } from '../ports/retry.ts';
import { type JudgePorts, judge, type Learnt } from './judge.ts';
import { recordCauses } from './record-causes.ts';
import { ancestorReader } from './waived-ancestors.ts';

/** Each may hold some thousand findings in memory. */
const IMAGES_AT_ONCE = 8;

export interface JudgeImagesPorts extends Omit<JudgePorts, 'ancestors'> {
  readonly images: ImageLedger;
  readonly causes: CauseLedger;
  readonly clock: Clock;
  readonly retry: Retry;
}

export interface Target {
  readonly image: ImageRecord;
  /** Asks the world; absent where the image is judged already and only its cause may be missing. */
  readonly learn?: () => Promise<Learnt>;
}

export type Outcome = { readonly status: VerdictStatus } | { readonly error: unknown };

/**
 * Judges images. A verdict is written after everything that follows from it: what has a verdict of this run is not
 * looked at again, so nothing may be left to do for it. One image that fails stops no other.
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

  const judging = { ...ports, ancestors: ancestorReader(ports) };
  const settled = await orFailed(targets, (target) => judgeTarget(judging, policy, target));
  const failedStreams = await recordCauses(ports.causes, settled.flatMap(factsFor));
  await orFailed(settled, async ({ image, verdict, judgement }) => {
    const blocked =
      image.stream !== undefined && factsFor({ image, verdict }).length > 0 && failedStreams.get(image.stream);
    if (blocked) throw blocked;
    outcomes.set(image.digest, { status: judgement ? await write(ports.images, judgement) : verdict.status });
  });
  return outcomes;
}

interface Settled {
  readonly image: ImageRecord;
  readonly verdict: Verdict;
  /** Absent where it is written already. */
  readonly judgement?: Judgement;
}

async function judgeTarget(
  ports: JudgeImagesPorts & JudgePorts,
  policy: PolicyVersion,
  { image, learn }: Target,
): Promise<Settled> {
  if (!learn) {
    if (!image.verdict) throw new ImageNotRecordedError(image.digest);
    return { image, verdict: image.verdict };
  }
  const judgement = await judge(ports, policy, image, await learn(), ports.clock());
  return { image, verdict: judgement.verdict, judgement };
}

/**
 * A newer result that came in meanwhile stays, and with it its verdict; so does a verdict by newer facts.
 * @throws ImageFactsChangedError where the facts are newer and nobody has judged by them yet.
 */
async function write(images: ImageLedger, judgement: Judgement): Promise<VerdictStatus> {
  const { digest, verdict } = judgement;
  if (await images.recordJudgement(judgement)) return verdict.status;
  const now = (await images.get([digest])).get(digest);
  if (!now) throw new ImageNotRecordedError(digest);
  if (!now.verdict || now.judgedAtEpochMs === undefined) throw new ImageFactsChangedError(digest);
  return now.verdict.status;
}
