import { median } from '../shared/domain/common/median.ts';
import { type Policy, type PolicyDocument, policySchema } from '../shared/domain/policy/policy.ts';
import { classify } from '../shared/domain/stream/tier.ts';
import { PolicyCoverage } from '../shared/domain/stream/unmatched-rules.ts';
import { parse } from '../shared/schema.ts';
import type { BenchReport } from './report.ts';

const ROUNDS = 3;
const REGISTRY = { account: '111122223333', region: 'eu-west-1' };
const SIZES = [1000, 10_000] as const;
/** Of one team, in a folder of its own. */
const RULES_A_FOLDER = 50;
/** Ten times the rules and images: linear would be 10, and the product of both 100. */
const MOST_GROWTH = 20;

/** The time to place images by the rules of a policy, and its growth with both: a fleet has a rule for each pipeline. */
export async function policyBenchmark(): Promise<BenchReport> {
  const policies = SIZES.map(policyOf);
  const times = policies.map((): { readonly placed: number[]; readonly covered: number[] } => ({
    placed: [],
    covered: [],
  }));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, policy] of policies.entries()) {
      // A policy of its own for each round: what is known of one is not reused.
      const fresh = { ...policy, streams: [...policy.streams] };
      times[at]?.placed.push(cpuMsOf(() => placeAll(fresh)));
      times[at]?.covered.push(cpuMsOf(() => coverAll({ ...fresh, streams: [...policy.streams] })));
    }
  const [small, large] = times;
  if (!small || !large) throw new Error('The run measured nothing');
  const row = (what: string, of: 'placed' | 'covered') => ({
    figure: `${what}, ${SIZES[1].toLocaleString('en')} rules and repositories against ${SIZES[0].toLocaleString('en')}`,
    measured: median(large[of]) / 1000,
    unit: 's' as const,
    reference: median(small[of]) / 1000,
    budget: MOST_GROWTH,
  });
  return {
    benchmark: 'policy',
    question: `images placed by a policy with a rule for each repository, ${ROUNDS} times`,
    rows: [row('tier and stream of 4 images each', 'placed'), row('rules that match nothing', 'covered')],
    notes: ['medians of CPU time; every tenth rule names its repositories by a pattern; 50 rules for each folder'],
  };
}

const repositoryOf = (n: number): string => `team-${Math.floor(n / RULES_A_FOLDER)}/app-${n}`;

const policyOf = (rules: number): Policy =>
  parse(policySchema, {
    version: 1,
    ages: { default: { limitDays: 30 } },
    severities: [],
    streams: Array.from({ length: rules }, (_, n) => ({
      ...{ id: `app-${n}`, tier: 'application' as const, account: REGISTRY.account, regions: [REGISTRY.region] },
      ...{ repositories: [n % 10 === 0 ? `${repositoryOf(n)}*` : repositoryOf(n)], headTags: ['^v.*$'], owner: 'o' },
    })),
  } satisfies PolicyDocument);

function placeAll(policy: Policy): void {
  for (let n = 0; n < policy.streams.length * 4; n += 1)
    classify(policy, { location: { ...REGISTRY, repository: repositoryOf(n) }, tags: ['v1'] });
}

function coverAll(policy: Policy): void {
  const coverage = new PolicyCoverage(policy);
  for (let n = 0; n < policy.streams.length; n += 1)
    coverage.addLiving(`${REGISTRY.account}/${REGISTRY.region}/${repositoryOf(n)}:^v.*$`);
  coverage.gaps();
}

function cpuMsOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
