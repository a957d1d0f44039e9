import { mapConcurrently } from '../../shared/concurrency.ts';
import type { CascadeNode } from '../../shared/domain/cause/cascade.ts';
import { factStatus, type JudgedImage } from '../../shared/domain/cause/fact-status.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { HISTORY_READ } from '../../shared/domain/plan/build-history.ts';
import { costOfPlan, type PlanCost } from '../../shared/domain/plan/plan-cost.ts';
import {
  type ForecastNode,
  forecastPlan,
  type PlanForecast,
  reachedBy,
  rebuildTime,
} from '../../shared/domain/plan/plan-forecast.ts';
import type { Candidate, CascadePlan } from '../../shared/domain/plan/plan-model.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import type { PlanView } from '../../shared/planning/read-plan.ts';
import type { ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { RebuildLedger } from '../../shared/ports/rebuilds.ts';
import { priceOf, prices } from '../../shared/prices.ts';
import { targetsFor } from '../../shared/review/private-clusters.ts';

export interface ForecastPorts {
  readonly rebuilds: Pick<RebuildLedger, 'latest'>;
  readonly usages: Pick<UsageLedger, 'ofImage'>;
  readonly scopes: Pick<ScopeLedger, 'get'>;
}

/** Duration, reach and cost of a plan. */
export interface PlanOutlook {
  /** By stream. */
  readonly nodes: ReadonlyMap<string, ForecastNode>;
  readonly whole: PlanForecast;
  readonly cost: PlanCost;
}

const STREAMS_AT_ONCE = 16;

/** Reads the history of each planned stream, and the usages of the images that it replaces. */
export async function forecastNow(
  ports: ForecastPorts,
  { policy: { policy }, streams, tiers }: PlanView,
  { nodes }: Pick<CascadePlan, 'nodes'>,
): Promise<PlanOutlook> {
  const candidates = new Map(
    [...tiers.others, ...streams.map((one) => ({ ...one, stream: one.cause.stream }))].map((one) => [one.stream, one]),
  );
  const read = await mapConcurrently(nodes, STREAMS_AT_ONCE, async (node) => {
    const { stream, work, wave } = node;
    const rules = streamPolicy(policy, stream);
    const replaced = replacedBy(node, candidates.get(stream));
    const usages = await mapConcurrently(replaced, STREAMS_AT_ONCE, (digest) => ports.usages.ofImage(digest));
    // Whether the hub deploys to EKS is unknown here.
    const targets = await targetsFor(ports.scopes, { eks: true }, usages.flat());
    const time = work === 'rebuild' && { time: rebuildTime(await ports.rebuilds.latest(stream, HISTORY_READ), rules) };
    const account = rules.pipeline && { account: rules.pipeline.account };
    return { stream, work, wave, ...account, ...time, ...reachedBy(usages.flat(), targets), promotes: rules.promotes };
  });
  const whole = forecastPlan(read, policy.caps);
  return { nodes: new Map(read.map((node) => [node.stream, node])), whole, cost: costOfPlan(read, whole, PRICES) };
}

/**
 * Images that may still have a fixed fact are replaced. A manual request replaces all, and a deployment all but its own
 * head.
 */
function replacedBy({ work, facts, holders }: CascadeNode, candidate: Candidate | undefined): readonly Digest[] {
  const { heads = [], inUse = [] } = candidate ?? {};
  const asks = (image: JudgedImage): boolean =>
    facts.some((fact) => fact.kind === 'person' || factStatus(fact, image) !== 'absent');
  const images = [...(work === 'rebuild' ? heads : []), ...inUse].filter(asks);
  return [...new Set([...holders, ...images.map(({ digest }) => digest)])];
}

const price = (name: string): number => priceOf(prices.prices, name);

/** The smallest CodeBuild machines, because the teams' machines are unknown. */
const PRICES = {
  transition: price('standard-transition'),
  minutes: {
    'arm1.small': price('codebuild-arm-small-minute'),
    'general1.small': price('codebuild-linux-small-minute'),
  },
};
