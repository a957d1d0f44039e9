import { namedLayers } from '../../../../shared/domain/attribution/layer-evidence.ts';
import type { Reason, Verdict } from '../../../../shared/domain/verdict/verdict.ts';
import { digestOf } from '../arbitraries.ts';
import { findingFact } from '../rollout/acting.ts';

test('the reasons of a verdict are read once, however many facts ask for their layers', () => {
  const layer = digestOf('layer');
  const names = Array.from({ length: 100 }, (_, n) => `CVE-2026-${n}`);
  const facts = names.map((vulnerability) => findingFact(vulnerability));
  const reasons = names.map(
    (vulnerability): Reason => ({
      ...{ ruleId: 'critical', effect: 'violates', kind: 'finding', severity: 'critical', vulnerability, layer },
      ...{ package: 'openssl', version: '3.0.1', fix: 'yes', firstSeenAtEpochMs: 0 },
    }),
  );
  let reads = 0;
  const verdict: Verdict = {
    ...{ status: 'violating', policyVersion: 'v1' },
    get reasons() {
      reads += 1;
      return reasons;
    },
  };
  const named = facts.map((fact) => namedLayers(fact, { digest: digestOf('app'), verdict }));
  expect(named).toEqual(facts.map(() => new Set([layer])));
  expect(reads).toBe(1);
});
