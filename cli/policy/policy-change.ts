import { mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { type Digest, registryKey } from '../../shared/domain/image/image.ts';
import { appliedWith } from '../../shared/domain/policy/applied-policy.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { keyOfScope } from '../../shared/domain/review/run.ts';
import { gapTexts, PolicyCoverage } from '../../shared/domain/stream/unmatched-rules.ts';
import { datedVerdict, newObjections } from '../../shared/domain/verdict/dated-verdict.ts';
import { evaluate, type VerdictInputs } from '../../shared/domain/verdict/evaluate.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import type { Verdict, VerdictStatus } from '../../shared/domain/verdict/verdict.ts';
import { originOf, recordedPlace } from '../../shared/inventory/origin.ts';
import { configBelowReader, type ReadConfigBelow } from '../../shared/judging/config-below.ts';
import { firstSeenOf } from '../../shared/judging/first-seen.ts';
import { type ReadSystemBelow, systemReader } from '../../shared/judging/system-below.ts';
import { ancestorReader, type ReadAncestors } from '../../shared/judging/waived-ancestors.ts';
import type { ImageLedger } from '../../shared/ports/ledger.ts';
import type { PolicyVersion } from '../../shared/ports/policies.ts';
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
  /** Number of images in use and heads that were judged again. */
  readonly judged: number;
  readonly changes: readonly VerdictChange[];
  /**
   * Sentences about scopes that would leave the fleet and policy parts without effect; none before Patchwave has read
   * anything.
   */
  readonly warnings: readonly string[];
}

type JudgingLedger = Pick<CliContext, 'images' | 'places' | 'streams' | 'evidence' | 'clock'>;
type Ledger = JudgingLedger & Pick<CliContext, 'index' | 'scopes' | 'usages'>;

const IMAGES_A_READ = 100;
const AT_ONCE = 16;

/**
 * Judges every image in use by a policy that is not in force, on recorded evidence; makes no calls and writes nothing.
 */
export async function effectOf(ledger: Ledger, policy: Policy, version: string): Promise<PolicyEffect> {
  const digests = await judgedDigests(ledger);
  const ancestors = ancestorReader(ledger);
  const [configBelow, systemBelow] = [configBelowReader(ledger), systemReader(ledger)];
  const changes: VerdictChange[] = [];
  const coverage = new PolicyCoverage(policy);
  let isAnySeen = false;
  for await (const { stream } of ledger.streams.all()) {
    isAnySeen = true;
    coverage.addKnown(stream);
  }
  for (const piece of piecesOf(digests, IMAGES_A_READ)) {
    const images = [...(await ledger.images.get(piece)).values()];
    for (const { stream, locations } of images) {
      for (const location of locations) coverage.addRepository(location);
      if (stream !== undefined) coverage.addLiving(stream);
    }
    const judged = await mapConcurrently(images, AT_ONCE, (image) =>
      changeOf({ ...ledger, ancestors, configBelow, systemBelow }, image, policy, version),
    );
    changes.push(...judged.filter((change) => change !== undefined));
  }
  const warnings = isAnySeen ? gapTexts(coverage.gaps()) : [];
  const leaving = await leavingScopes(ledger, policy);
  return { judged: digests.length, changes: changes.sort(byNews), warnings: [...leaving, ...warnings] };
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

/** Every judged image in use has a known age or a non-compliant verdict, so the two lists together contain them all. */
export async function judgedDigests({ index, clock }: Pick<Ledger, 'index' | 'clock'>): Promise<Digest[]> {
  const found = new Set<Digest>();
  for await (const page of index.bornBefore(clock())) for (const { digest } of page) found.add(digest);
  for (const status of ['violating', 'unknown'] as const) {
    for await (const page of index.withVerdict(status)) for (const digest of page) found.add(digest);
  }
  return [...found].sort();
}

interface Readers {
  readonly ancestors: ReadAncestors;
  readonly configBelow: ReadConfigBelow;
  readonly systemBelow: ReadSystemBelow;
}

async function changeOf(
  ledger: Ledger & Readers,
  image: ImageRecord,
  policy: Policy,
  version: string,
): Promise<VerdictChange | undefined> {
  if (!image.verdict) return undefined;
  const { verdict } = await judgedBy(ledger, image, { policy, version });
  if (verdict.status === image.verdict.status) return undefined;
  const [place] = await presentPlaces(ledger.places, image.digest);
  const tag = place?.tags[0];
  return {
    digest: image.digest,
    image: place ? `${place.location.repository}${tag === undefined ? '' : `:${tag}`}` : image.digest,
    before: image.verdict.status,
    after: verdict.status,
    rules: rulesThatDecide(verdict.status, verdict.reasons),
  };
}

async function judgedBy(
  { places, streams, evidence, ancestors, configBelow, systemBelow, clock }: JudgingLedger & Readers,
  image: ImageRecord,
  { policy, version }: PolicyVersion,
): Promise<{ readonly verdict: Verdict; readonly inputs: VerdictInputs & { readonly image: ImageRecord } }> {
  const [locations, kept] = await Promise.all([places.locations(image.digest), evidence.findings(image.digest)]);
  const { tier, stream, owner } = locations.length > 0 ? originOf(policy, locations.map(recordedPlace), image) : image;
  const { stream: _stream, owner: _owner, ...rest } = image;
  const judged = { ...rest, tier, ...(stream !== undefined && { stream }), ...(owner !== undefined && { owner }) };
  const below = await configBelow(judged, policy);
  const system = await systemBelow(judged);
  const inputs = {
    image: judged,
    scan: image.scan,
    ancestors: await ancestors(judged, policy, clock()),
    ...(kept && { findings: kept.findings }),
    firstSeen: await firstSeenOf(streams, judged),
    ...(below && { below }),
    ...(system && { system }),
  };
  return { verdict: evaluate(inputs, policy, version, clock()), inputs };
}

/**
 * Images as the ledger has them, with what a policy that is not in force objects to besides: from now on, or since a policy that
 * objected too. Doors asked with them answer as after the next review. It writes nothing.
 */
export function imagesForeseen(
  ledger: JudgingLedger & Pick<CliContext, 'policies'>,
  next: PolicyVersion,
): Pick<ImageLedger, 'get'> {
  const readers = {
    ancestors: ancestorReader(ledger),
    configBelow: configBelowReader(ledger),
    systemBelow: systemReader(ledger),
  };
  const readHistory = async () => {
    const { applied, unreadable } = await ledger.policies.history();
    return { isPartial: unreadable.length > 0, applied: appliedWith(applied, next, ledger.clock()) };
  };
  let history: ReturnType<typeof readHistory> | undefined;
  return {
    async get(digests) {
      const images = await ledger.images.get(digests);
      const judged = await mapConcurrently([...images], AT_ONCE, async ([digest, image]) => {
        if (!image.verdict) return [digest, image] as const;
        const { verdict, inputs } = await judgedBy({ ...ledger, ...readers }, image, next);
        if (newObjections(verdict, image.verdict).length === 0) return [digest, image] as const;
        history ??= readHistory();
        const { applied, isPartial } = await history;
        const dated = datedVerdict(verdict, { ...inputs, isHistoryPartial: isPartial }, applied, ledger.clock());
        const reasons = [...image.verdict.reasons, ...newObjections(dated, image.verdict)];
        return [digest, { ...image, verdict: { ...image.verdict, status: 'violating', reasons } as Verdict }] as const;
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
