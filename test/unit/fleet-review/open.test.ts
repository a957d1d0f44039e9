import { reviewInput } from '../../../functions/fleet-review/input.ts';
import { openReview } from '../../../functions/fleet-review/open.ts';
import { collect } from '../../../shared/concurrency.ts';
import { abandonReview } from '../../../shared/review/abandon.ts';
import { accountsDocument, runFileKeys, scopesDocument } from '../../../shared/review/documents.ts';
import { parse, safeParse } from '../../../shared/schema.ts';
import { type FakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { closure } from '../../support/rebuild-samples.ts';
import { DAY_MS, EXECUTION, HOUR_MS, hub, payments, portsOf, reviewedWorld, started } from './support.ts';

const open = (world: FakeWorld, input: unknown = {}, execution: object = {}) =>
  openReview(
    portsOf(world),
    { leaseMinutes: 420, readsEks: true },
    { action: 'open', ...started, ...execution, input: parse(reviewInput, input) },
  );

async function scopesToRead(world: FakeWorld, opened: Awaited<ReturnType<typeof open>>): Promise<string[]> {
  if (opened.alreadyRunning) throw new Error('expected a review of its own');
  const scopes = parse(scopesDocument, await world.runFiles.get(opened.scopes.key));
  expect(opened.scopes.count).toBe(scopes.length);
  return scopes.map(({ scope }) => `${scope.account}/${scope.region}`);
}

test('reads every Region that is enabled in every account', async () => {
  const { world, policyVersion } = await reviewedWorld();

  const opened = await open(world);

  expect(opened).toMatchObject({ mode: 'review', policyVersion, startedAtEpochMs: START_EPOCH_MS });
  expect(await scopesToRead(world, opened)).toEqual([
    '111122223333/us-east-1',
    '111122223333/us-west-2',
    '444455556666/eu-west-1',
  ]);
  expect(await world.runs.get(opened.runId)).toMatchObject({
    state: 'running',
    scopeKey: 'fleet',
    executionArn: EXECUTION,
  });
});

test('reads the list of the policy, or of the input, each scope once', async () => {
  const { world } = await reviewedWorld({
    scopes: [{ account: payments.account, regions: ['eu-west-1', 'eu-west-1'] }],
  });

  expect(await scopesToRead(world, await open(world))).toEqual(['444455556666/eu-west-1']);
  await abandonReview([world.runs], world.clock, { ...started, error: { Error: 'x', Cause: '' } });
  const input = { scopes: [{ account: hub.account, regions: ['us-west-2'] }] };
  const next = await open(world, input, { executionArn: 'next' });
  expect(await scopesToRead(world, next)).toEqual(['111122223333/us-west-2']);
});

describe('our accounts are recorded for all steps', () => {
  const accountsOf = async (world: FakeWorld, opened: Awaited<ReturnType<typeof open>>) =>
    parse(accountsDocument, await world.runFiles.get(runFileKeys(opened.runId).accounts));
  const stranger = '777788889999';

  test('of an organization: its accounts, also without readable Regions, and those that the policy names', async () => {
    const { world } = await reviewedWorld({ mirrors: [{ account: stranger, repositories: ['docker/*'] }] });
    world.accounts.add({ id: '555566667777', name: 'closed' }, []).deny('555566667777');
    const expected = [hub.account, payments.account, '555566667777', stranger];
    expect(await accountsOf(world, await open(world))).toEqual(expected);
  });

  test('of a list: its accounts; of scopes in the input: these and all known accounts', async () => {
    const { world } = await reviewedWorld({ scopes: [{ account: stranger, regions: ['eu-west-1'] }], streams: [] });
    expect(await accountsOf(world, await open(world))).toEqual([stranger]);
    await abandonReview([world.runs], world.clock, { ...started, error: { Error: 'x', Cause: '' } });
    await world.scopes.record({ scope: payments });
    const input = { scopes: [{ account: hub.account, regions: ['us-west-2'] }] };
    const expected = [hub.account, payments.account, stranger];
    expect(await accountsOf(world, await open(world, input, { executionArn: 'next' }))).toEqual(expected);
  });

  test('in a preview too', async () => {
    const { world } = await reviewedWorld();
    const opened = await open(world, { mode: 'preview' });
    expect(await accountsOf(world, opened)).toEqual([hub.account, payments.account]);
  });
});

test('a policy that cannot be read leaves the scopes that reviews read before, and the run says so', async () => {
  const { world, policyVersion } = await reviewedWorld({
    scopes: [{ account: payments.account, regions: [payments.region] }],
  });
  await world.scopes.record({ scope: payments, completeAtEpochMs: START_EPOCH_MS - DAY_MS });
  world.policies.lose(policyVersion);
  const opened = await open(world);
  expect(opened).toMatchObject({ policyVersion: 'built-in' });
  expect(await scopesToRead(world, opened)).toEqual(['444455556666/eu-west-1']);
  expect(await collect(world.runs.parts(opened.runId))).toMatchObject([
    { kind: 'policy', key: policyVersion, error: 'PolicyUnreadableError' },
  ]);
});

test('a second try of the same execution opens the same review', async () => {
  const { world } = await reviewedWorld();

  const first = await open(world);
  world.advance(HOUR_MS);

  expect(await open(world)).toEqual(first);
});

test('the same scope that is being reviewed is left to the running review', async () => {
  const { world } = await reviewedWorld();
  const { runId } = await open(world);

  expect(await open(world, {}, { executionArn: 'execution:fleet-review:second' })).toEqual({
    alreadyRunning: true,
    runId,
  });
});

test('another scope is refused while a review runs, and says how long', async () => {
  const { world } = await reviewedWorld();
  await open(world);

  const second = open(
    world,
    { scopes: [{ account: hub.account, regions: [hub.region] }] },
    { executionArn: 'execution:fleet-review:second' },
  );

  await expect(second).rejects.toMatchObject({ name: 'ReviewAlreadyRunningError' });
  await expect(second).rejects.toThrow('2026-11-24T10:00:00.000Z');
});

test('the lease of a review that died without an event expires', async () => {
  const { world } = await reviewedWorld();
  await open(world);

  const next = await open(world, {}, { executionArn: 'next', executionStartedAt: START_EPOCH_MS + 8 * HOUR_MS });

  expect(next.alreadyRunning).toBe(false);
});

test('an account that cannot be listed is a failed scope, named, and stops no other', async () => {
  const { world } = await reviewedWorld();
  world.accounts.deny(payments.account);

  const opened = await open(world);

  expect(await scopesToRead(world, opened)).toEqual(['111122223333/us-east-1', '111122223333/us-west-2']);
  expect(await collect(world.runs.parts(opened.runId))).toMatchObject([
    {
      kind: 'scope',
      key: '444455556666/*',
      result: { status: 'failed', error: 'AccountUnreachableError', detail: expect.stringContaining('444455556666') },
    },
  ]);
});

const throttled = Object.assign(new Error('slow down.'), { name: 'ThrottlingException' });

test('an account with another error is retried after the others and then read normally', async () => {
  const { world } = await reviewedWorld();
  world.accounts.break(hub.account, throttled, 2);

  const opened = await open(world);

  expect(world.accounts.asked).toEqual([hub.account, payments.account, hub.account, hub.account]);
  expect((await scopesToRead(world, opened)).filter((key) => key.startsWith(hub.account))).toHaveLength(2);
  expect(await collect(world.runs.parts(opened.runId))).toEqual([]);
});

test('an account that keeps failing is a failed scope with its error and stops no other', async () => {
  const { world } = await reviewedWorld();
  world.accounts.break(payments.account, throttled);

  const opened = await open(world);

  expect(await scopesToRead(world, opened)).toEqual(['111122223333/us-east-1', '111122223333/us-west-2']);
  expect(world.accounts.asked.filter((account) => account === payments.account)).toHaveLength(3);
  expect(await collect(world.runs.parts(opened.runId))).toMatchObject([
    {
      key: '444455556666/*',
      result: { status: 'failed', error: 'ThrottlingException', detail: expect.stringMatching(/slow down\. Start/) },
    },
  ]);
});

test('a refusal is final: one call for the account', async () => {
  const { world } = await reviewedWorld();
  world.accounts.deny(payments.account);

  await open(world);

  expect(world.accounts.asked.filter((account) => account === payments.account)).toHaveLength(1);
});

test('listing Regions ends within the time of the step, and the accounts that were left out are named', async () => {
  const { world } = await reviewedWorld();
  const numbers = Array.from({ length: 30 }, (_, index) => String(555_500_000_000 + index));
  for (const id of numbers) world.accounts.add({ id, name: id }, ['us-east-1']).break(id, throttled);
  const regions = world.accounts.regions.bind(world.accounts);
  world.accounts.regions = async (account) => {
    world.advance(HOUR_MS / 60);
    return regions(account);
  };

  const opened = await open(world);

  expect(world.clock() - START_EPOCH_MS).toBeLessThan(HOUR_MS / 4);
  const parts = await collect(world.runs.parts(opened.runId));
  const errors = parts.flatMap((part) =>
    part.kind === 'scope' && part.result.status === 'failed' ? part.result.error : [],
  );
  expect(parts).toHaveLength(30);
  expect(new Set(errors)).toEqual(new Set(['ThrottlingException', 'RegionsNotAskedError']));
});

test('an account that cannot be listed: its known scopes have failed, since the first failure', async () => {
  const { world } = await reviewedWorld();
  await world.scopes.record({ scope: payments, completeAtEpochMs: START_EPOCH_MS - DAY_MS });
  world.accounts.deny(payments.account);

  const opened = await open(world);
  const parts = await collect(world.runs.parts(opened.runId));

  expect(parts.map(({ key }) => key)).toEqual(['444455556666/eu-west-1']);
  expect(await world.scopes.get(payments)).toEqual({
    scope: payments,
    completeAtEpochMs: START_EPOCH_MS - DAY_MS,
    failure: { error: 'AccountUnreachableError', detail: expect.any(String), sinceEpochMs: START_EPOCH_MS },
  });
});

test.each([
  ['left out while it counts as empty', { emptyUntilEpochMs: START_EPOCH_MS + 1, includesEks: true }, {}, false],
  ['read again when that is over', { emptyUntilEpochMs: START_EPOCH_MS, includesEks: true }, {}, true],
  ['read if its EKS clusters were not listed', { emptyUntilEpochMs: START_EPOCH_MS + 1 }, {}, true],
  [
    'read when a person names it',
    { emptyUntilEpochMs: START_EPOCH_MS + 1, includesEks: true },
    { scopes: [{ account: payments.account, regions: [payments.region] }] },
    true,
  ],
] as const)('an empty scope is %s', async (_, record, input, isRead) => {
  const { world } = await reviewedWorld();
  await world.scopes.record({ scope: payments, completeAtEpochMs: 1, ...record });

  const opened = await open(world, input);

  expect((await scopesToRead(world, opened)).includes('444455556666/eu-west-1')).toBe(isRead);
  const parts = await collect(world.runs.parts(opened.runId));
  expect(parts.map((part) => part.kind === 'scope' && part.result.status)).toEqual(isRead ? [] : ['skipped']);
});

test('while a closure is open every scope and stopping task is read, as its proof needs', async () => {
  const { world } = await reviewedWorld();
  await world.scopes.record({
    ...{ scope: payments, completeAtEpochMs: 1, emptyUntilEpochMs: START_EPOCH_MS + 1, includesEks: true },
  });
  const fixed = closure('cascade', '444455556666/eu-west-1/apps/web:^stable$');
  await world.rollouts.openClosure(fixed);

  const opened = await open(world);

  expect(await scopesToRead(world, opened)).toContain('444455556666/eu-west-1');
  expect(opened).toMatchObject({ includesStopping: true });
  expect(await collect(world.runs.parts(opened.runId))).toEqual([]);
  await abandonReview([world.runs], world.clock, { ...started, error: { Error: 'x', Cause: '' } });
  await world.rollouts.changeClosure(fixed.cascadeId, fixed.stream, (before) => ({ ...before, state: 'closed' }));
  const next = await open(world, {}, { executionArn: 'next' });
  expect(await scopesToRead(world, next)).not.toContain('444455556666/eu-west-1');
  expect(next).toMatchObject({ includesStopping: false });
});

test('an organization without anything to read is an error, not a clean fleet', async () => {
  const { world } = await reviewedWorld();
  const empty = { ...portsOf(world), accounts: { accounts: async function* () {}, regions: async () => [] } };

  const opened = openReview(
    empty,
    { leaseMinutes: 1, readsEks: true },
    { action: 'open', ...started, input: { mode: 'review' } },
  );

  await expect(opened).rejects.toMatchObject({ name: 'NothingToReviewError' });
});

test.each([
  [{ mode: 'reveiw' }, 'mode'],
  [{ scopes: [] }, 'scopes'],
  [{ scopes: [{ account: '1', regions: ['us-east-1'] }] }, 'account'],
  [{ scopes: [{ account: hub.account, regions: ['useast1'] }] }, 'regions'],
  [{ scope: [] }, 'scope'],
])('refuses the input %j, naming the field', (input, field) => {
  const { success, problems } = safeParse(reviewInput, input);
  expect(success).toBe(false);
  expect(JSON.stringify(problems)).toContain(field);
});

describe('abandoning', () => {
  const abandon = (world: FakeWorld, error = { Error: 'States.Timeout', Cause: '' }) =>
    abandonReview([world.runs], world.clock, { ...started, error });

  test('records why and frees the lease, from the execution alone', async () => {
    const { world } = await reviewedWorld();
    const { runId } = await open(world);
    world.advance(HOUR_MS);

    const cause = JSON.stringify({
      errorType: 'NoPolicyError',
      errorMessage: 'No policy is in force.',
      trace: ['secret'],
    });
    const reply = await abandon(world, { Error: 'NoPolicyError', Cause: cause });

    expect(reply).toEqual({ runId, error: 'NoPolicyError', cause: 'No policy is in force.' });
    expect(await world.runs.get(runId)).toMatchObject({
      state: 'failed',
      endedAtEpochMs: START_EPOCH_MS + HOUR_MS,
      failure: { error: 'NoPolicyError', detail: 'No policy is in force.' },
    });
    expect((await open(world, {}, { executionArn: 'next' })).alreadyRunning).toBe(false);
  });

  test('does not change a review that has ended, or another one', async () => {
    const { world } = await reviewedWorld();
    const { runId } = await open(world);
    const review = await world.runs.get(runId);
    if (!review) throw new Error('the review was not recorded');
    await world.runs.finish({ ...review, state: 'succeeded' });
    const second = await open(world, {}, { executionArn: 'second' });

    await abandon(world);

    expect(await world.runs.get(runId)).toMatchObject({ state: 'succeeded' });
    expect(await world.runs.get(second.runId)).toMatchObject({ state: 'running' });
  });

  test('prevents the start of a review that is being opened, and the next one starts', async () => {
    const { world } = await reviewedWorld();
    const regions = world.accounts.regions.bind(world.accounts);
    world.accounts.regions = async (account) => {
      await abandon(world, { Error: 'ABORTED', Cause: '' });
      return regions(account);
    };

    const late = open(world);

    await expect(late).rejects.toMatchObject({ name: 'ReviewAbandonedError' });
    await expect(late).rejects.toThrow('ABORTED');
    expect((await world.runs.latest()).running).toBeUndefined();
    world.accounts.regions = regions;
    expect((await open(world, {}, { executionArn: 'next' })).alreadyRunning).toBe(false);
  });

  test('of a review that was never opened is an error that says so', async () => {
    const { world } = await reviewedWorld();

    await expect(abandon(world)).resolves.toMatchObject({ error: 'States.Timeout' });
  });
});
