/** Proposes policies for accounts with a known truth, and counts what is right. */

import { isDecided } from '../../cli/proposal/facts.ts';
import { type Proposal, propose } from '../../cli/proposal/propose.ts';
import { proposedPolicy } from '../../cli/proposal/render.ts';
import { parsePolicy } from '../../shared/domain/policy/policy-document.ts';
import { type KnownAccount, knownAccount, type Truth } from './proposal-account.ts';

const SEEDS = [1, 2, 3, 4];
const LEAST_RIGHT = 0.95;

interface Tally {
  decided: number;
  right: number;
  certain: number;
  wrongCertain: string[];
  wrong: string[];
}

const tally = (): Tally => ({ decided: 0, right: 0, certain: 0, wrongCertain: [], wrong: [] });

function count(into: Tally, name: string, decision: { certainty: string; evidence: string }, isRight: boolean): void {
  into.decided += 1;
  if (isRight) into.right += 1;
  else into.wrong.push(`${name}: ${decision.certainty}: ${decision.evidence}`);
  if (decision.certainty !== 'certain') return;
  into.certain += 1;
  if (!isRight) into.wrongCertain.push(`${name}: ${decision.evidence}`);
}

/** How often tiers and parents are right, of those that are decided. */
function figuresOf({ truth }: KnownAccount, { rules }: Proposal): { readonly tiers: Tally; readonly parents: Tally } {
  const [tiers, parents] = [tally(), tally()];
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const seen = new Set<string>();
  for (const { repository, tier, parent } of rules) {
    const name = repository.repository;
    const known: Truth | undefined = truth.get(name);
    if (!seen.has(name)) count(tiers, name, tier, known?.tier === tier.value);
    seen.add(name);
    if (!isDecided(parent)) continue;
    const proposed = byId.get(parent.value);
    const line = proposed?.lines.value[0]?.name;
    const isLine = line === '' || line === undefined || line === known?.parentLine;
    count(parents, name, parent, proposed?.repository.repository === known?.parent && isLine);
  }
  return { tiers, parents };
}

const share = ({ right, decided }: Tally): string =>
  `${right} of ${decided} right (${decided === 0 ? '-' : ((right / decided) * 100).toFixed(1)} %)`;

/** Tests of accounts of one size. They print the figures. */
export function accuracyOf(size: number): void {
  test.each(SEEDS.map((seed) => ({ size, seed })))(
    '$size repositories, seed $seed: at least 95 % right, nothing wrong that is called certain, and a valid policy',
    ({ seed }) => {
      const account = knownAccount(size, seed);
      expect(account.truth.size).toBe(size);
      const begin = performance.now();
      const proposal = propose(account.facts);
      const seconds = (performance.now() - begin) / 1000;
      const { tiers, parents } = figuresOf(account, proposal);
      process.stderr.write(
        `${size} repositories, seed ${seed}: tiers ${share(tiers)}, ${tiers.certain} certain; parents ${share(parents)}, ` +
          `${parents.certain} certain; ${proposal.open.length} open; ${seconds.toFixed(2)} s\n`,
      );
      expect(tiers.wrongCertain).toEqual([]);
      expect(parents.wrongCertain).toEqual([]);
      for (const { right, decided, wrong } of [tiers, parents])
        expect(right < decided * LEAST_RIGHT ? wrong : []).toEqual([]);
      // Silence is right too, so most has to be decided.
      expect(tiers.decided).toBeGreaterThan(size * 0.7);
      expect(tiers.certain).toBeGreaterThan(size * 0.5);
      expect(parents.decided).toBeGreaterThan(size * 0.4);

      const regions = ['eu-west-1'];
      const policy = parsePolicy(proposedPolicy(proposal, [{ account: '111122223333', regions }]));
      expect(policy.mode).toBe('report-only');
      expect(policy.streams).toHaveLength(proposal.rules.length);
      expect(policy.mirrors).toEqual([{ account: '111122223333', repositories: ['docker-hub/*'] }]);
    },
  );
}
