import { scopeChanges, withLeft } from '../../../functions/fleet-review/left-scopes.ts';
import { openReview } from '../../../functions/fleet-review/open.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Registry } from '../../../shared/domain/image/image.ts';
import type { LeftScope } from '../../../shared/domain/review/run.ts';
import { abandonReview } from '../../../shared/review/abandon.ts';
import { scopesDocument } from '../../../shared/review/documents.ts';
import { previewLedgers, previewRuns, previewScopes } from '../../../shared/review/preview.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { DAY_MS, hub, payments, portsOf, reviewedWorld, started } from './support.ts';

const NOW = START_EPOCH_MS;
const KEY = '444455556666/eu-west-1';
const confirmed = { by: 'ana', atEpochMs: NOW - DAY_MS, reason: 'closed' };

/** Opens a review; gives what it lists to be read, and the parts it writes itself. */
async function open(world: FakeWorld, input: object = {}, executionArn = started.executionArn) {
  const opened = await openReview(
    portsOf(world),
    { leaseMinutes: 420, readsEks: true },
    { action: 'open', ...started, executionArn, input: { mode: 'review', ...input } },
  );
  if (opened.alreadyRunning) throw new Error('expected a review of its own');
  const scopes = parse(scopesDocument, await world.runFiles.get(opened.scopes.key));
  expect(opened.scopes.count).toBe(scopes.length);
  const parts = await collect(world.runs.parts(opened.runId));
  await abandonReview([world.runs], world.clock, { ...started, executionArn, error: { Error: 'x', Cause: '' } });
  return {
    listed: scopes.map(({ scope }) => `${scope.account}/${scope.region}`),
    parts: parts.map((part) => part.kind === 'scope' && [part.key, part.result.status]),
  };
}

const leftOf = async (world: FakeWorld) => (await world.scopes.get(payments))?.left;

/** The account of payments was read yesterday, and is not of the organization any more. */
async function moved(left?: LeftScope) {
  const { world } = await reviewedWorld();
  const record = { scope: payments, completeAtEpochMs: NOW - DAY_MS, emptyUntilEpochMs: NOW + DAY_MS };
  await world.scopes.record({ ...record, ...(left && { left }) });
  world.accounts.remove(payments.account);
  return world;
}

test('an account that is no longer in the organization has left: this review sets its usages aside', async () => {
  const world = await moved();
  const { listed, parts } = await open(world);
  expect(listed).toContain(KEY);
  expect(parts).toEqual([]);
  expect(await leftOf(world)).toEqual({ atEpochMs: NOW, usages: 0 });
  world.advance(DAY_MS);
  // The step that puts it aside died.
  expect((await open(world, {}, 'next')).listed).toContain(KEY);
  expect(await leftOf(world)).toMatchObject({ atEpochMs: NOW });
});

test.each([
  [
    'a Region that is disabled',
    (world: FakeWorld) => world.accounts.add({ id: hub.account, name: 'hub' }, [hub.region]),
  ],
  ['an account that is closed', (world: FakeWorld) => world.accounts.remove(hub.account)],
])('%s has left', async (_, leave) => {
  const { world } = await reviewedWorld();
  const scope = { ...hub, region: 'us-west-2' };
  await world.scopes.record({ scope, completeAtEpochMs: 1 });
  leave(world);
  await open(world);
  expect(await world.scopes.get(scope)).toMatchObject({ left: { atEpochMs: NOW } });
});

test('a scope that is taken out of the policy has left', async () => {
  const { world } = await reviewedWorld({ scopes: [{ account: hub.account, regions: [hub.region] }] });
  await world.scopes.record({ scope: payments, completeAtEpochMs: 1 });
  await open(world);
  expect(await leftOf(world)).toMatchObject({ atEpochMs: NOW });
});

test.each<[string, LeftScope, boolean, string[][]]>([
  ['named in each review until a person confirms', { atEpochMs: 1, usages: 3, isMoved: true }, false, [[KEY, 'left']]],
  ['named no more once it is confirmed', { atEpochMs: 1, usages: 3, isMoved: true, confirmed }, false, []],
  ['named no more where nothing ran there', { atEpochMs: 1, usages: 0, isMoved: true }, false, []],
  [
    'looked at once more when its usages end, long after',
    { atEpochMs: 1, usages: 3, isMoved: true, confirmed: { ...confirmed, atEpochMs: NOW - 90 * DAY_MS } },
    true,
    [],
  ],
])('a scope whose usages were put aside is %s', async (_, left, isListed, parts) => {
  const world = await moved(left);
  const opened = await open(world);
  expect(opened.listed.includes(KEY)).toBe(isListed);
  expect(opened.parts).toEqual(parts);
});

test('with unknown Regions no scope leaves, and a scope that left before does not fail', async () => {
  const { world } = await reviewedWorld();
  await world.scopes.record({ scope: payments, completeAtEpochMs: 1 });
  const gone = { ...payments, region: 'eu-west-2' };
  await world.scopes.record({ scope: gone, left: { atEpochMs: 1, usages: 1, isMoved: true } });
  world.accounts.deny(payments.account);
  expect((await open(world)).parts).toEqual([[KEY, 'failed']]);
  expect(await leftOf(world)).toBeUndefined();
});

test('a review of some scopes says nothing of the others', async () => {
  const world = await moved();
  await open(world, { scopes: [{ account: hub.account, regions: [hub.region] }] });
  expect(await leftOf(world)).toBeUndefined();
});

test('a preview names the scope that left and sets nothing aside', async () => {
  const world = await moved();
  const record = await world.scopes.get(payments);
  const ledgers = { runs: world.runs, scopes: world.scopes };
  const { runs, scopes } = previewLedgers(ledgers, { runs: previewRuns, scopes: previewScopes }, world.runFiles, 'run');
  const opened = await openReview(
    { ...portsOf(world), runs, scopes },
    { leaseMinutes: 420, readsEks: true },
    { action: 'open', ...started, input: { mode: 'preview' } },
  );
  if (opened.alreadyRunning) throw new Error('a preview needs no lease');
  expect(JSON.stringify(await world.runFiles.get(opened.scopes.key))).not.toContain(payments.account);
  expect(await collect(runs.parts(opened.runId))).toMatchObject([{ key: KEY, result: { status: 'left' } }]);
  expect(await world.scopes.get(payments)).toEqual(record);
});

test('a scope that is back is read at once, also if it was empty, and its usages are restored', async () => {
  const { world } = await reviewedWorld();
  const left = { atEpochMs: 1, usages: 3, isMoved: true } as const;
  await world.scopes.record({ scope: payments, emptyUntilEpochMs: NOW + DAY_MS, left });
  expect((await open(world)).listed).toContain(KEY);
  expect(await leftOf(world)).toEqual({ ...left, isBack: true });
});

test('a scope that is back and gone again has left', () => {
  const left = { atEpochMs: 1, usages: 3, isBack: true } as const;
  const known = [{ scope: payments, left }];
  expect(
    scopeChanges({ scopes: [hub], accounts: [hub.account], unread: [] }, known, NOW, { readsEks: true }).left,
  ).toEqual([{ scope: payments, left: { atEpochMs: 1, usages: 3 } }]);
});

test('a confirmation made meanwhile is kept', () => {
  const before = { scope: payments, left: { atEpochMs: 1, usages: 3, confirmed } };
  expect(withLeft(before, { atEpochMs: 1, usages: 3 }).left).toEqual({ atEpochMs: 1, usages: 3, confirmed });
});

const PROD = { ...payments, eksCluster: 'prod' };
const fleetOf = (...scopes: readonly Registry[]) => ({ scopes, accounts: [], unread: [] });

test('an EKS cluster leaves the fleet, and comes back, with its account and Region', () => {
  const known = [{ scope: payments }, { scope: PROD }];
  expect(scopeChanges(fleetOf(payments), known, NOW, { readsEks: true })).toEqual({ left: [], back: [] });
  const left = { atEpochMs: NOW, usages: 0 };
  expect(scopeChanges(fleetOf(hub), known, NOW, { readsEks: true }).left).toEqual([
    { scope: payments, left },
    { scope: PROD, left },
  ]);
  const gone = known.map((record) => ({ ...record, left: { ...left, isMoved: true as const } }));
  expect(scopeChanges(fleetOf(payments), gone, NOW, { readsEks: true }).back.map(({ scope }) => scope)).toEqual([
    payments,
    PROD,
  ]);
});

test('EKS clusters leave when Patchwave no longer reads EKS, and come back when it does', () => {
  const left = { atEpochMs: NOW, usages: 3, isMoved: true as const };
  const off = (known: Parameters<typeof scopeChanges>[1]) =>
    scopeChanges(fleetOf(payments), known, NOW, { readsEks: false });
  expect(off([{ scope: payments }, { scope: PROD }]).left).toEqual([
    { scope: PROD, left: { atEpochMs: NOW, usages: 0 } },
  ]);
  expect(off([{ scope: PROD, left }]).back).toEqual([]);
  expect(scopeChanges(fleetOf(payments), [{ scope: PROD, left }], NOW, { readsEks: true }).back).toHaveLength(1);
});

test('a cluster that leaves with its account is listed to be put aside', async () => {
  const { world } = await reviewedWorld({ scopes: [{ account: hub.account, regions: [hub.region] }] });
  await world.scopes.record({ scope: PROD, completeAtEpochMs: NOW });
  const opened = await openReview(
    portsOf(world),
    { leaseMinutes: 420, readsEks: true },
    { action: 'open', ...started, input: { mode: 'review' } },
  );
  if (opened.alreadyRunning) throw new Error('expected a review of its own');
  const listed = parse(scopesDocument, await world.runFiles.get(opened.scopes.key));
  expect(listed).toContainEqual({ scope: PROD });
});

test('without EKS a cluster has left even if the Regions of its account cannot be read', () => {
  const unread = [{ account: payments.account, error: 'AccountUnreachableError', detail: 'no' }];
  const fleet = { scopes: [], accounts: [payments.account], unread };
  const changes = (readsEks: boolean) =>
    scopeChanges(fleet, [{ scope: payments }, { scope: PROD }], NOW, { readsEks }).left.map(({ scope }) => scope);
  expect(changes(true)).toEqual([]);
  expect(changes(false)).toEqual([PROD]);
});
