import { hasEnded } from '../../shared/domain/cause/cascade.ts';
import { outputFound } from '../../shared/domain/cause/output-proof.ts';
import type { Rebuild, RefusedClaim } from '../../shared/domain/cause/rebuild.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import { requestScans } from './check.ts';
import type { VerifyStepInput } from './input.ts';
import {
  recordOutcome,
  type VerifyLimits,
  type VerifyPorts,
  verificationOf,
  verifyWaitSeconds,
  waitForPolicy,
} from './ports.ts';
import { searchOutput } from './search-output.ts';

export interface FoundOutput {
  readonly decision: 'verify' | 'wait' | 'ended';
  readonly waitSeconds: number;
}

/**
 * Finds the digest that the build made, with proof, and requests the scans of its images. If none is found within the grace period, the result is
 * `no-output`. A registry that stays unreadable until the deadline leaves the rebuild `unverified`, which counts as no
 * failure.
 */
export async function findOutput(
  ports: VerifyPorts,
  limits: VerifyLimits,
  step: VerifyStepInput,
): Promise<FoundOutput> {
  const verification = await verificationOf(ports, step);
  if (verification.rebuild.outcome) return { decision: 'ended', waitSeconds: limits.pollSeconds };
  const rebuild = await beginVerification(ports, verification.rebuild, verification.sinceEpochMs);
  const proven = outputFound(rebuild);
  const search =
    proven === undefined
      ? await searchOutput(ports, rebuild, verification.policy.headTag)
      : foundBefore(rebuild, proven);
  if (search.refused) await recordRefused(ports, rebuild, search.refused);
  if (search.outcome === 'found') {
    const recorded = await recordOutput(ports, step, search);
    // The scan runs while the parents of the output are found.
    await requestScans(ports, recorded ?? rebuild);
    return { decision: 'verify', waitSeconds: limits.pollSeconds };
  }
  // Only the policy allows calls to the account of the registry.
  const withoutPolicy =
    search.outcome === 'unreachable'
      ? await waitForPolicy(ports, limits, verification, await policyInForce(ports.policies))
      : undefined;
  if (withoutPolicy) return withoutPolicy;
  const isMissing = search.outcome === 'missing';
  const untilEpochMs = isMissing ? verification.sinceEpochMs + limits.outputGraceMs : verification.deadlineEpochMs;
  if (ports.clock() < untilEpochMs)
    return { decision: 'wait', waitSeconds: verifyWaitSeconds(ports, limits, verification, untilEpochMs) };
  const result = isMissing ? 'no-output' : 'unverified';
  await recordOutcome(ports, rebuild, { result, reason: search.reason });
  return { decision: 'ended', waitSeconds: limits.pollSeconds };
}

/** A proven output stays, even if its tags change later. */
const foundBefore = ({ outputTags: tags = [] }: Rebuild, digest: Digest) =>
  ({ outcome: 'found', digest, tags, refused: undefined }) as const;

/** Its time starts with the first check and is never reset. */
async function beginVerification(
  { rebuilds }: VerifyPorts,
  rebuild: Rebuild,
  verifyingSinceEpochMs: number,
): Promise<Rebuild> {
  const { stream, rebuildId } = rebuild;
  const stands = await rebuilds.record(stream, rebuildId, (before) =>
    before && before.verifyingSinceEpochMs === undefined ? { ...before, verifyingSinceEpochMs } : undefined,
  );
  return stands ?? rebuild;
}

/** An unaccepted digest is recorded for a person and blocks no other claim. */
async function recordRefused(
  { rebuilds }: VerifyPorts,
  { stream, rebuildId }: Rebuild,
  refusedClaims: readonly RefusedClaim[],
): Promise<void> {
  await rebuilds.record(stream, rebuildId, (before) =>
    !before || before.outcome || sameContent(before.refusedClaims ?? [], refusedClaims)
      ? undefined
      : { ...before, refusedClaims },
  );
}

async function recordOutput(
  { rebuilds, cascades, clock }: VerifyPorts,
  { cascadeId, stream, rebuildId }: VerifyStepInput,
  { digest: output, tags }: { readonly digest: Digest; readonly tags: readonly string[] },
): Promise<Rebuild | undefined> {
  const stands = await rebuilds.record(stream, rebuildId, (before) =>
    before && before.outcome === undefined && outputFound(before) !== output
      ? { ...before, output, outputProvenAtEpochMs: clock(), ...(tags.length > 0 && { outputTags: tags }) }
      : undefined,
  );
  await cascades.changeNode(cascadeId, stream, (node) =>
    hasEnded(node) || (node.state === 'verifying' && node.output === output)
      ? undefined
      : { ...node, state: 'verifying', output },
  );
  return stands;
}
