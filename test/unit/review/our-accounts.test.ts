import { accountsNamedBy } from '../../../shared/domain/policy/our-accounts.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { PolicyUnreadableError } from '../../../shared/ports/errors.ts';
import { readOpenRebuilds } from '../../../shared/rebuilding/open-rebuilds.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { AccountsOfRun, knownAccounts } from '../../../shared/review/our-accounts.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { lock, PIPELINE, rebuild } from '../../support/rebuild-samples.ts';

const account = (digit: number) => String(digit).repeat(12);
const STREAM: PolicyDocument['streams'][number] = {
  ...{ id: 'web', tier: 'application', account: account(2), regions: ['eu-west-1'], repositories: ['web'] },
  ...{ headTags: ['^v.*$'], owner: 'web', pipeline: { account: account(3), name: 'web' } },
};
const policyOf = (changes: Partial<PolicyDocument> = {}) =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [], streams: [STREAM] },
    ...changes,
  });
const scopeIn = (digit: number) => ({ scope: { account: account(digit), region: 'eu-west-1' } });
const answers = (isOurs: (account: string) => Promise<boolean>, ...digits: readonly number[]) =>
  Promise.all(digits.map((digit) => isOurs(account(digit))));

test('a policy names the accounts of its scopes, streams, pipelines and mirrors, and not those of AWS or of waivers', () => {
  const named = accountsNamedBy(
    policyOf({
      scopes: [{ account: account(1), regions: ['eu-west-1'] }],
      mirrors: [{ account: account(4), repositories: ['docker/*'] }],
      awsManaged: { accounts: [account(5)] },
    }),
  );
  expect([...named].sort()).toEqual([1, 2, 3, 4].map(account));
});

describe('outside of a review', () => {
  const guardOf = ({ scopes, policies, clock }: FakeWorld) => knownAccounts({ scopes, policies, clock });

  test('ours are the accounts of scopes that reviews read, and those of the policy; no other', async () => {
    const world = fakeWorld();
    await world.policies.publish(policyOf(), {});
    await world.scopes.record(scopeIn(1));
    expect(await answers(guardOf(world), 1, 2, 3, 6)).toEqual([true, true, true, false]);
  });

  test('before the first policy, and where it cannot be read, the scopes count alone', async () => {
    const world = fakeWorld();
    await world.scopes.record(scopeIn(1));
    expect(await answers(guardOf(world), 1, 2)).toEqual([true, false]);
    const policies = {
      current: async () => {
        throw new PolicyUnreadableError('v', new Error('it is gone'));
      },
    };
    expect(await answers(knownAccounts({ ...world, policies }), 1, 2)).toEqual([true, false]);
  });

  test('where the policy cannot be read the pipelines of open builds are ours, and no other', async () => {
    const world = fakeWorld();
    const version = await world.policies.publish(policyOf(), {});
    await world.locks.take(lock('r1'));
    await world.rebuilds.record(lock('r1').stream, 'r1', () =>
      rebuild('r1', { pipeline: { ...PIPELINE, account: account(3) } }),
    );
    await world.rebuilds.record(lock('r1').stream, 'r2', () =>
      rebuild('r2', { pipeline: { ...PIPELINE, account: account(7) } }),
    );
    world.policies.lose(version);
    const isOurs = knownAccounts({ ...world, openRebuilds: () => readOpenRebuilds(world) });
    expect(await answers(isOurs, 2, 3, 7)).toEqual([false, true, false]);
    await world.locks.release(lock('r1').stream, 'r1');
    world.advance(16 * 60_000);
    expect(await answers(isOurs, 3)).toEqual([false]);
  });

  test('an account whose scopes have left is not ours until one is back', async () => {
    const world = fakeWorld();
    const left = { atEpochMs: world.clock(), usages: 1 };
    await world.scopes.record({ ...scopeIn(1), left });
    await world.scopes.record({ ...scopeIn(2), left: { ...left, isBack: true } });
    expect(await answers(guardOf(world), 1, 2)).toEqual([false, true]);
  });

  test('a new account is known soon, and what is known is not read again and again', async () => {
    const world = fakeWorld();
    let reads = 0;
    const scopes = {
      all() {
        reads += 1;
        return world.scopes.all();
      },
    };
    await world.policies.publish(policyOf(), {});
    const isOurs = knownAccounts({ ...world, scopes });
    expect(await answers(isOurs, 1, 2, 3)).toEqual([false, true, true]);
    await world.scopes.record(scopeIn(1));
    world.advance(2_000);
    expect(await answers(isOurs, 1, 1, 2)).toEqual([true, true, true]);
    expect(reads).toBe(2);
    world.advance(16 * 60_000);
    expect(await answers(isOurs, 1)).toEqual([true]);
    expect(reads).toBe(3);
  });

  test('with an unreadable ledger no account is called, and the next question reads again', async () => {
    const world = fakeWorld();
    await world.scopes.record(scopeIn(1));
    let isDown = true;
    const scopes = {
      all() {
        if (isDown) throw new Error('throttled');
        return world.scopes.all();
      },
    };
    const isOurs = knownAccounts({ ...world, scopes });
    await expect(isOurs(account(1))).rejects.toThrow('throttled');
    isDown = false;
    expect(await isOurs(account(1))).toBe(true);
  });
});

describe('in a step of a review', () => {
  test('the accounts that the review was opened with count, and outside of it others', async () => {
    const { runFiles } = fakeWorld();
    await runFiles.put(runFileKeys('run-1').accounts, [account(1)]);
    await runFiles.put(runFileKeys('run-2').accounts, [account(2)]);
    const accounts = new AccountsOfRun(runFiles, async (one) => one === account(7));
    expect(await answers(accounts.isOurs, 1, 7)).toEqual([false, true]);
    accounts.enter('run-1');
    expect(await answers(accounts.isOurs, 1, 2, 7)).toEqual([true, false, false]);
    accounts.enter('run-2');
    expect(await answers(accounts.isOurs, 1, 2)).toEqual([false, true]);
    accounts.enter(undefined);
    expect(await answers(accounts.isOurs, 2, 7)).toEqual([false, true]);
    expect(await answers(new AccountsOfRun(runFiles).isOurs, 1)).toEqual([false]);
  });

  test('in a review that an earlier version opened, the accounts of its scopes count', async () => {
    const { runFiles } = fakeWorld();
    await runFiles.put(runFileKeys('old').scopes, [scopeIn(1)]);
    const accounts = new AccountsOfRun(runFiles);
    accounts.enter('old');
    expect(await answers(accounts.isOurs, 1, 2)).toEqual([true, false]);
    accounts.enter('none');
    await expect(accounts.isOurs(account(1))).rejects.toMatchObject({ name: 'RunFileMissingError' });
  });
});
