import { mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { type Digest, registryKey } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { keyOfScope } from '../../shared/domain/review/run.ts';
import { gapTexts, PolicyCoverage } from '../../shared/domain/stream/unmatched-rules.ts';
import { newObjections } from '../../shared/domain/verdict/dated-verdict.ts';
import type { Verdict, VerdictStatus } from '../../shared/domain/verdict/verdict.ts';
import { judgedDigests } from '../../shared/inventory/reviewed-images.ts';
import type { ForeseenImage, ForeseenReview, ForeseeReviewPorts } from '../../shared/judging/foresee-images.ts';
import type { ImageLedger } from '../../shared/ports/ledger.ts';
import type { CliContext } from '../command.ts';
import { presentPlaces } from '../present-places.ts';

/** One image's verdict now and under the other policy. */
export interface VerdictChange {
  readonly digest: Digest;
  readonly image: string;
  readonly before: VerdictStatus;
  readonly after: VerdictStatus;
  /** The rules that decide under the other policy. */
  readonly rules: readonly string[];
}

export interface PolicyEffect {
  /** Number of images with a verdict that the next review judges again. */
  readonly judged: number;
  readonly changes: readonly VerdictChange[];
  /**
   * Sentences about scopes that would leave the fleet and policy parts without effect; none before Patchwave has read
   * anything.
   */
  readonly warnings: readonly string[];
}

type Ledger = ForeseeReviewPorts & Pick<CliContext, 'index' | 'places' | 'scopes' | 'streams' | 'usages'>;

const IMAGES_A_READ = 100;
const AT_ONCE = 16;

/**
 * Judges every image that the next review judges as that review will, by a policy that is not in force; on recorded evidence. It calls
 * no registry and writes nothing.
 */
export async function effectOf(ledger: Ledger, policy: Policy, foreseen: ForeseenReview): Promise<PolicyEffect> {
  const changes: VerdictChange[] = [];
  let judged = 0;
  for (const piece of piecesOf(foreseen.judged, IMAGES_A_READ)) {
    const images = (await foreseen.read(piece)).filter(({ now }) => now.verdict);
    judged += images.length;
    const changed = await mapConcurrently(images, AT_ONCE, (image) => changeOf(ledger, foreseen, image));
    changes.push(...changed.filter((change) => change !== undefined));
  }
  const warnings = [...(await leavingScopes(ledger, policy)), ...(await uncovered(ledger, policy))];
  return { judged, changes: changes.sort(byNews), warnings };
}

/** Parts of the policy without effect. */
async function uncovered(ledger: Ledger, policy: Policy): Promise<readonly string[]> {
  const coverage = new PolicyCoverage(policy);
  let isAnySeen = false;
  for await (const { stream } of ledger.streams.all()) {
    isAnySeen = true;
    coverage.addKnown(stream);
  }
  if (!isAnySeen) return [];
  for (const piece of piecesOf(await judgedDigests(ledger), IMAGES_A_READ))
    for (const { stream, locations } of (await ledger.images.get(piece)).values()) {
      for (const location of locations) coverage.addRepository(location);
      if (stream !== undefined) coverage.addLiving(stream);
    }
  return gapTexts(coverage.gaps());
}

/** Scopes with usages that the policy would no longer read. */
async function leavingScopes({ scopes, usages }: Ledger, policy: Policy): Promise<string[]> {
  const listed = policy.scopes;
  if (listed === 'organization') return [];
  const kept = new Set(listed.flatMap(({ account, regions }) => regions.map((region) => `${account}/${region}`)));
  const warnings: string[] = [];
  for await (const { scope, left } of scopes.all()) {
    if (left || kept.has(registryKey(scope))) continue;
    const running = await Array.fromAsync(usages.live(scope));
    if (running.length > 0)
      warnings.push(
        `Scope ${keyOfScope(scope)} would leave the fleet, although images ran there at the last review (${counted(running.length, 'container')}). Patchwave would no longer judge them. To keep the scope, add account ${scope.account} with Region ${scope.region} to \`scopes\`. If the containers are gone, run \`patchwave confirm-left ${keyOfScope(scope)} --reason TEXT\` after the next review.`,
      );
  }
  return warnings.sort();
}

async function changeOf(
  { places }: Ledger,
  foreseen: ForeseenReview,
  image: ForeseenImage,
): Promise<VerdictChange | undefined> {
  const { digest, verdict: before } = image.now;
  if (!before) return undefined;
  const { status, reasons } = await foreseen.judge(image);
  if (status === before.status) return undefined;
  const [place] = await presentPlaces(places, digest);
  const tag = place?.tags[0];
  return {
    digest,
    image: place ? `${place.location.repository}${tag === undefined ? '' : `:${tag}`}` : digest,
    before: before.status,
    after: status,
    rules: rulesThatDecide(status, reasons),
  };
}

/**
 * Images as the ledger has them, with what a policy that is not in force objects to besides: from now on, or since a policy that
 * objected too. Doors asked with them answer as after the next review. It writes nothing.
 * @param foresee the next review under that policy; called once, when the first image is asked for
 */
export function imagesForeseen(foresee: () => Promise<ForeseenReview>): Pick<ImageLedger, 'get'> {
  let review: Promise<ForeseenReview> | undefined;
  return {
    async get(digests) {
      review ??= foresee();
      const foreseen = await review;
      const judged = await mapConcurrently(await foreseen.read(digests), AT_ONCE, async (image) => {
        const { digest, verdict: before } = image.now;
        if (!before) return [digest, image.now] as const;
        const news = newObjections(await foreseen.judge(image), before);
        if (news.length === 0) return [digest, image.now] as const;
        const verdict = { ...before, status: 'violating', reasons: [...before.reasons, ...news] } as Verdict;
        return [digest, { ...image.now, verdict }] as const;
      });
      return new Map(judged);
    },
  };
}

function rulesThatDecide(
  status: VerdictStatus,
  reasons: readonly { readonly ruleId: string; readonly effect: string }[],
): string[] {
  const effect = status === 'violating' ? 'violates' : 'unknown';
  return [...new Set(reasons.filter((reason) => reason.effect === effect).map(({ ruleId }) => ruleId))];
}

const NEWS: Readonly<Record<VerdictStatus, number>> = { violating: 0, unknown: 1, compliant: 2 };

/** Worse verdicts come first. */
const byNews = (one: VerdictChange, other: VerdictChange): number =>
  NEWS[one.after] - NEWS[other.after] || one.image.localeCompare(other.image) || one.digest.localeCompare(other.digest);
