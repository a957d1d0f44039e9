import { ageOf, type LineageAge } from '../../../../shared/domain/age/image-lineage.ts';
import { factsFor } from '../../../../shared/domain/cause/cause.ts';
import { factStatus } from '../../../../shared/domain/cause/fact-status.ts';
import { determineBirth } from '../../../../shared/domain/image/birth.ts';
import { TIERS } from '../../../../shared/domain/image/image.ts';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../../../../shared/domain/policy/built-in-policy.ts';
import { policySchema } from '../../../../shared/domain/policy/policy.ts';
import { findingKey } from '../../../../shared/domain/scan/finding.ts';
import { resultAtEpochMs } from '../../../../shared/domain/scan/scan-state.ts';
import { evaluate, type VerdictInputs } from '../../../../shared/domain/verdict/evaluate.ts';
import { reasonText } from '../../../../shared/domain/verdict/reason-text.ts';
import { firstSeenNow, severityRulesOf } from '../../../../shared/domain/verdict/severity.ts';
import { parse } from '../../../../shared/schema.ts';
import { fc } from '../../../support/seeded.ts';
import {
  DAY,
  digests,
  evidence,
  findings,
  HOUR,
  image,
  LOCATION,
  NOW,
  pastInstants,
  scanStates,
  tiers,
} from '../arbitraries.ts';
import { ageFact, findingFact } from '../rollout/acting.ts';

const policy = parse(policySchema, {
  version: 1,
  ages: { default: { limitDays: 30 }, tiers: { base: { limitDays: 20 } } },
  streams: [],
  severities: [
    { id: 'critical', severities: ['critical'], graceDays: 0 },
    { id: 'high', severities: ['high', 'medium'], graceDays: 7, fix: ['yes', 'no', 'unknown'] },
    { id: 'base', severities: ['low'], graceDays: 30, tiers: ['base'] },
  ],
  approvedRegistries: { allow: ['*.dkr.ecr.*.amazonaws.com/*'] },
  waivers: [
    {
      id: 'one',
      finding: 'CVE-2026-1',
      reason: 'accepted for now',
      author: 'a',
      created: '2026-11-01',
      expires: '2026-12-20',
    },
    {
      id: 'age',
      rule: 'age-limit',
      scope: { owner: 'web' },
      reason: 'accepted for now',
      author: 'a',
      created: '2026-11-01',
      expires: '2026-11-30',
    },
  ],
});

const oldest = fc.record({ bornAtEpochMs: pastInstants, decidedBy: digests });
const ages: fc.Arbitrary<LineageAge> = fc.oneof(
  oldest.map((age) => ({ known: true as const, ...age })),
  fc.tuple(digests, fc.option(oldest, { nil: undefined })).map(([digest, oldestKnown]) => ({
    known: false as const,
    unknown: [digest],
    ...(oldestKnown && { oldestKnown }),
  })),
);

const subjects: fc.Arbitrary<VerdictInputs> = fc
  .record({
    tier: tiers,
    owner: fc.constantFrom('web', 'api'),
    birth: fc.array(evidence, { maxLength: 3 }).map((all) => determineBirth(all, NOW)),
    locations: fc.constantFrom([], [LOCATION], [LOCATION, { ...LOCATION, account: '444455556666' }]),
    references: fc.constantFrom(undefined, ['docker.io/library/nginx']),
    unresolved: fc.constantFrom(undefined, { code: 'image-not-found', detail: 'gone' }),
    age: fc.option(ages, { nil: undefined }),
    scan: scanStates,
    findings: fc.option(fc.array(findings, { maxLength: 5 }), { nil: undefined }),
    firstSeen: fc.dictionary(fc.constantFrom('CVE-2026-1#openssl', 'CVE-2026-2#zlib'), pastInstants),
  })
  .map(({ scan, findings: all, firstSeen, references, unresolved, age, ...rest }) => ({
    image: {
      ...image({ ...rest, ...(references && { references }), ...(unresolved && { unresolved }) }),
      ...(age && { lineage: { age } }),
    },
    scan,
    ...(all && { findings: all }),
    firstSeen: new Map(Object.entries(firstSeen)),
  }));

const judge = (inputs: VerdictInputs, now = NOW) => evaluate(inputs, policy, 'v', now);
const RANK = { violating: 2, unknown: 1, compliant: 0 };
const many = { numRuns: 2000 };

test('unknown never passes: compliant means scanned, read, in sight and of known age', () => {
  fc.assert(
    fc.property(subjects, (inputs) => {
      if (judge(inputs).status !== 'compliant') return;
      const { image: subject, scan, findings: all } = inputs;
      expect(all).toBeDefined();
      expect(ageOf(subject).known).toBe(true);
      expect(subject.unresolved).toBeUndefined();
      expect(subject.locations).not.toHaveLength(0);
      expect(resultAtEpochMs(scan)).toBeGreaterThanOrEqual(NOW - 48 * HOUR);
      expect(['unsupported', 'failed', 'expired', 'unreachable']).not.toContain(scan.state);
    }),
    many,
  );
});

const drops: readonly ((inputs: VerdictInputs) => VerdictInputs)[] = [
  ({ findings: _, ...rest }) => rest,
  ({ image: { lineage: _, ...rest }, ...facts }) => ({
    ...facts,
    image: { ...rest, birth: { known: false, rejected: [] } },
  }),
  (inputs) => ({
    ...inputs,
    image: { ...inputs.image, lineage: { age: { known: false, unknown: [inputs.image.digest] } } },
  }),
  (inputs) => ({ ...inputs, image: { ...inputs.image, locations: [] } }),
  (inputs) => ({ ...inputs, image: { ...inputs.image, unresolved: { code: 'registry-unreachable', detail: 'x' } } }),
  (inputs) => ({ ...inputs, scan: { state: 'off', reason: 'never-scanned', coverage: [] } }),
  ({ scan: { completedAtEpochMs: _, ...scan }, ...rest }) => ({
    ...rest,
    scan: { ...scan, state: scan.state === 'continuous' ? 'off' : scan.state },
  }),
];

test('dropped facts never leave an image compliant', () => {
  fc.assert(
    fc.property(subjects, fc.subarray([...drops], { minLength: 1 }), (inputs, dropped) => {
      expect(judge(dropped.reduce((rest, drop) => drop(rest), inputs)).status).not.toBe('compliant');
    }),
    many,
  );
});

test('more findings never make a verdict better', () => {
  fc.assert(
    fc.property(subjects, fc.array(findings), (inputs, more) => {
      if (!inputs.findings) return;
      const worse = judge({ ...inputs, findings: [...inputs.findings, ...more] });
      expect(RANK[worse.status]).toBeGreaterThanOrEqual(RANK[judge(inputs).status]);
    }),
    many,
  );
});

test('the order of findings and places makes no difference, not one byte', () => {
  fc.assert(
    fc.property(subjects, (inputs) => {
      const turned = {
        ...inputs,
        ...(inputs.findings && { findings: [...inputs.findings].reverse() }),
        image: { ...inputs.image, locations: [...inputs.image.locations].reverse() },
        firstSeen: new Map([...inputs.firstSeen].reverse()),
      };
      expect(JSON.stringify(judge(turned))).toBe(JSON.stringify(judge(inputs)));
    }),
    many,
  );
});

test('the predicted next breach comes true', () => {
  fc.assert(
    fc.property(subjects, (inputs) => {
      const { nextBreachAtEpochMs: next, status } = judge(inputs);
      if (next === undefined || status === 'violating') return;
      expect(next).toBeGreaterThan(NOW);
      expect(judge(inputs, next - 1).status).not.toBe('violating');
      expect(judge(inputs, next).status).toBe('violating');
    }),
    many,
  );
});

test('a compliant image always has a next breach', () => {
  fc.assert(
    fc.property(subjects, (inputs) => {
      const { status, nextBreachAtEpochMs } = judge(inputs);
      if (status === 'compliant') expect(nextBreachAtEpochMs).toBeDefined();
    }),
    many,
  );
});

test('time alone never makes a violation go away', () => {
  fc.assert(
    fc.property(subjects, fc.nat({ max: 60 * DAY }), (inputs, later) => {
      if (judge(inputs).status === 'violating') expect(judge(inputs, NOW + later).status).toBe('violating');
    }),
    many,
  );
});

test('all tiers are judged alike, except for rules that name one', () => {
  const alike = TIERS.filter((tier) => tier !== 'base' && tier !== 'aws-managed');
  fc.assert(
    fc.property(subjects, fc.constantFrom(...alike), fc.constantFrom(...alike), (inputs, one, other) => {
      const as = (tier: (typeof alike)[number]) => judge({ ...inputs, image: { ...inputs.image, tier } });
      expect(as(one)).toEqual(as(other));
    }),
    many,
  );
});

test('exactly the findings under a rule are stored as first seen, at the time of their scan', () => {
  fc.assert(
    fc.property(tiers, fc.array(findings), pastInstants, (tier, all, at) => {
      const seen = firstSeenNow(policy, tier, all, at);
      for (const finding of all)
        if (severityRulesOf(policy, tier, finding).length > 0) expect(seen.get(findingKey(finding))).toBe(at);
      const ruled = all.filter((finding) => severityRulesOf(policy, tier, finding).length > 0).map(findingKey);
      expect([...seen.keys()].sort()).toEqual([...new Set(ruled)].sort());
    }),
    many,
  );
});

test('without a policy every image is unknown, no cause follows from that, and no fact of one counts as gone', () => {
  const reason = { ruleId: 'policy-readable', effect: 'unknown', kind: 'policy' } as const;
  fc.assert(
    fc.property(subjects, pastInstants, (inputs, nowEpochMs) => {
      const verdict = evaluate(inputs, BUILT_IN_POLICY, BUILT_IN_VERSION, nowEpochMs);
      expect(verdict).toEqual({
        ...{ status: 'unknown', reasons: [reason], policyVersion: BUILT_IN_VERSION },
        covers: inputs.scan.coverage,
      });
      expect(factsFor({ image: { stream: 's', tier: 'base', inUse: true, isHead: true }, verdict })).toEqual([]);
      const looked = { digest: inputs.image.digest, verdict, judgedAtEpochMs: nowEpochMs };
      for (const fact of [findingFact(), ageFact]) expect(factStatus(fact, looked)).toBe('unknown');
    }),
    many,
  );
  expect(reasonText(reason)).toContain('the policy in force cannot be read');
});
