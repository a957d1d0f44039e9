import { readFileSync } from 'node:fs';
import { canonicalJson } from '../../../../shared/domain/common/canonical-json.ts';
import type { PolicyUpgrade } from '../../../../shared/domain/policy/policy-check.ts';
import { policyVersion, storedPolicy } from '../../../../shared/domain/policy/policy-check.ts';

/** Documents as earlier versions stored them, defaults filled in, the oldest first. A document never leaves this list. */
const STORED = JSON.parse(readFileSync(new URL('stored-policies.json', import.meta.url), 'utf8')) as object[];

test.each(STORED.map((document, n) => [n, document] as const))(
  'document %i of an earlier version is read whole',
  (_, document) => {
    const policy = storedPolicy(document);
    expect(policy).toMatchObject(document);
    // What it is stored as from now on can be read, too.
    expect(storedPolicy(JSON.parse(canonicalJson(policy)))).toEqual(policy);
    expect(policyVersion(policy)).toMatch(/^[0-9a-f]{64}$/);
  },
);

const [newest] = STORED.slice(-1) as [Record<string, unknown>];

describe('forms', () => {
  const renamed: PolicyUpgrade = ({ limits, ...rest }) => ({ ...rest, ages: limits, version: 1 });
  const unfolded: PolicyUpgrade = ({ plan, ...rest }) => ({ ...rest, streams: plan, version: 1 });
  const { ages, streams, ...others } = newest;

  test('a document of an older form goes through every upgrade since', () => {
    const oldest = { ...others, limits: ages, plan: streams, version: 1 };
    const next = { ...others, ages, plan: streams, version: 2 };
    const wanted = storedPolicy(newest);
    const upgrades = [renamed, unfolded];
    expect(storedPolicy(oldest, upgrades)).toEqual(wanted);
    expect(storedPolicy(next, upgrades)).toEqual(wanted);
  });

  test('a form that only a later version knows says so, and is not read in part', () => {
    expect(() => storedPolicy({ ...newest, version: 2 })).toThrow(
      'it has format 2, of a later Patchwave version; this version reads formats up to 1',
    );
  });

  test.each([null, 7, 'text', [], {}, { version: '1' }, { version: 0 }, { version: 1 }])(
    'a damaged document says why in one line: %p',
    (damaged) => {
      expect(() => storedPolicy(damaged)).toThrow(/^[^\n]+$/);
    },
  );
});
