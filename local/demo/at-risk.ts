import type { Policy } from '../../shared/domain/policy/policy.ts';
import { SEVERITIES } from '../../shared/domain/policy/policy-parts.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import type { Reason } from '../../shared/domain/verdict/verdict.ts';
import type { Names } from './names.ts';
import { complaintText, holdText, tierText } from './reason-words.ts';
import type { DemoResult } from './result.ts';
import type { ActResult } from './result-act.ts';
import { imageName } from './story-found.ts';

type Image = DemoResult['images'][number];
type Risk = DemoResult['atRisk'][number];

/**
 * Each running image that is not in order at the end, with what is wrong and why it is still there: the most serious one
 * first, then by name. Digests differ from run to run, so they order nothing that a name can.
 */
export const risksOf = (
  images: DemoResult['images'],
  act: Pick<ActResult, 'streams' | 'answers'>,
  policy: Policy,
  names: Names,
): Risk[] =>
  images
    .filter(({ outcome }) => outcome !== 'compliant')
    .map((image) => ({ image, name: imageName(image, names), risk: riskOf(image, act, policy) }))
    .sort(
      (one, other) =>
        gravityOf(one.image) - gravityOf(other.image) ||
        one.name.localeCompare(other.name) ||
        one.risk.what.localeCompare(other.risk.what) ||
        one.risk.digest.localeCompare(other.risk.digest),
    )
    .map(({ risk }) => risk);

/** 0 for the most serious: findings by their severity, then what is not known, then all other violations. */
function gravityOf({ outcome, reasons }: Image): number {
  if (outcome !== 'violating') return SEVERITIES.length;
  const found = having(reasons, 'violates').map((reason) =>
    reason.kind === 'finding' ? SEVERITIES.indexOf(reason.severity) : SEVERITIES.length + 1,
  );
  return Math.min(SEVERITIES.length + 1, ...found);
}

function riskOf(image: Image, act: Pick<ActResult, 'streams' | 'answers'>, policy: Policy): Risk {
  const { digest, outcome } = image;
  const what = whatOf(image);
  if (outcome === 'unknown') return { digest, what, why: 'unknown never counts as clean' };
  if (outcome === 'failed') return { digest, what, why: 'Patchwave could not judge it' };
  return { digest, what, why: whyOf(image, act, policy) };
}

function briefly(reason: Reason): string {
  if (reason.kind === 'finding') return reason.vulnerability;
  return reason.kind === 'age' && reason.decidedBy !== undefined ? 'built on an old image' : complaintText(reason);
}

const having = (reasons: Image['reasons'], effect: Reason['effect']): Reason[] =>
  (reasons as unknown as readonly Reason[]).filter((reason) => reason.effect === effect);

/** Findings first: they are what a reader looks for. */
function whatOf({ outcome, reasons }: Image): string {
  const effect = outcome === 'unknown' ? 'unknown' : 'violates';
  const telling = having(reasons, effect).sort(
    (one, other) => Number(other.kind === 'finding') - Number(one.kind === 'finding'),
  );
  const [first, ...others] = [...new Set(telling.map(briefly))];
  if (first === undefined) return outcome;
  return others.length > 0 ? `${first} and ${others.length} more` : first;
}

function whyOf(
  { stream, tier, reasons }: Image,
  { streams, answers }: Pick<ActResult, 'streams' | 'answers'>,
  policy: Policy,
): string {
  if (stream === undefined) return tierText(tier) ?? 'its tags match no rule';
  const outcome = streams.find((one) => one.stream === stream);
  const answer = answers.find((one) => one.stream === stream);
  if (outcome?.state === 'open') return holdText('closing');
  // The answer since then says more than the outcome: a build that uses an old parent fixes nothing.
  const reason = answer?.reason ?? (outcome?.state === 'patched' ? undefined : outcome?.reason);
  if (reason !== undefined) return holdText(reason);
  const violations = having(reasons, 'violates');
  const { mode, pipeline } = streamPolicy(policy, stream);
  if (mode === 'report-only') return holdText('report-only');
  if (mode === 'paused') return holdText('paused');
  if (!pipeline) return holdText('no-pipeline');
  return violations.every((one) => one.kind === 'age' && one.decidedBy !== undefined)
    ? 'that image must be rebuilt first'
    : 'nothing is planned';
}
