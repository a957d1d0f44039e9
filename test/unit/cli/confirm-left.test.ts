import { confirmLeftCommand } from '../../../cli/commands/confirm-left.ts';
import { statusCommand } from '../../../cli/commands/status.ts';
import { whyCommand } from '../../../cli/commands/why.ts';
import { NotFoundError, UsageError } from '../../../cli/errors.ts';
import type { LeftScope } from '../../../shared/domain/review/run.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, imageProperties, usage } from '../../support/samples.ts';
import { ANA, cliContext, readOnlyContext, run, runJson } from './support.ts';

const SCOPE = { account: '444455556666', region: 'eu-west-1' };
const KEY = '444455556666/eu-west-1';
const reason = 'the account was closed';

async function away(changes: Partial<LeftScope> = {}): Promise<FakeWorld> {
  const world = fakeWorld();
  const left = { atEpochMs: world.clock() - DAY_MS, usages: 3, isMoved: true, ...changes } as const;
  await world.scopes.record({ scope: SCOPE, completeAtEpochMs: 1, left });
  return world;
}

const confirm = (world: FakeWorld, words: readonly string[] = [KEY], flags: { reason?: string } = { reason }) =>
  run(confirmLeftCommand, cliContext(world), words, flags);

test('confirm-left records who confirmed a scope that left, when and why', async () => {
  const world = await away();
  const { code, text } = await confirm(world);
  expect(code).toBe(0);
  const confirmed = { by: ANA, atEpochMs: world.clock(), reason };
  expect(await world.scopes.get(SCOPE)).toMatchObject({ completeAtEpochMs: 1, left: { usages: 3, confirmed } });
  expect(text).toContain(
    `Scope ${KEY} left the fleet at 2026-11-23 03:00 UTC. Images still ran there when it was last read (3 containers). ${ANA} confirmed at `,
  );
});

test.each<[string, Partial<LeftScope>]>([
  ['it is confirmed already', { confirmed: { by: 'jo', atEpochMs: 1, reason: 'the first' } }],
  ['nothing ran there', { usages: 0 }],
])('nothing is changed where %s', async (_, changes) => {
  const world = await away(changes);
  const before = await world.scopes.get(SCOPE);
  const output = await runJson(confirmLeftCommand, cliContext(world), [KEY], { reason });
  expect(output).toMatchObject({ changed: false, scope: { left: changes } });
  expect(await world.scopes.get(SCOPE)).toEqual(before);
  expect((await confirm(world)).text).toContain('Nothing was changed.');
});

test.each([['555566667777/eu-west-1'], ['444455556666/us-east-1']])(
  '%s has not left: refused as not found',
  async (scope) => {
    const world = await away();
    await world.scopes.record({ scope: { ...SCOPE, region: 'us-east-1' }, completeAtEpochMs: 1 });
    await expect(confirm(world, [scope])).rejects.toThrow(NotFoundError);
  },
);

test.each([
  ['no scope', ['payments'], { reason }],
  ['no reason', [KEY], {}],
])('%s is a usage error', async (_, words, flags) => {
  const world = await away();
  await expect(confirm(world, words, flags)).rejects.toThrow(UsageError);
  expect(await world.scopes.get(SCOPE)).not.toHaveProperty('left.confirmed');
});

test('status shows a scope that left with time, usages and next step, and leaves it out once it is confirmed', async () => {
  const world = await away();
  const { text } = await run(statusCommand, readOnlyContext(world));
  expect(text).toMatch(
    /444455556666 +eu-west-1 +left +.*left at 2026-11-23 03:00 UTC; images still ran there when it was last read \(3 containers\)\. If they are gone, run: /,
  );
  expect(text).toContain(`patchwave confirm-left ${KEY} --reason TEXT`);
  await confirm(world);
  const leftAlone = '1 scope left the fleet or the policy, and nothing waits for it: --json lists all';
  expect((await run(statusCommand, readOnlyContext(world))).text).toContain(leftAlone);
  expect(await runJson(statusCommand, readOnlyContext(world))).toMatchObject({
    scopes: [],
    leftScopes: [{ left: { confirmed: { reason: expect.stringMatching(/^the account/) } } }],
  });
  const idle = await away({ usages: 0 });
  expect((await run(statusCommand, readOnlyContext(idle))).text).toContain(leftAlone);
});

test('why lists usages of an image in a scope that left', async () => {
  const world = await away();
  await world.images.recordProperties(imageProperties('a'));
  await world.usages.record([usage('a', { ...SCOPE, workload: 'gone' })], 1);
  await world.usages.leave([usage('a', { ...SCOPE, workload: 'gone' })], 2);
  const { text } = await run(whyCommand, readOnlyContext(world), [digestOf('a')]);
  expect(text).toContain('No workload runs it.');
  expect(text).toMatch(/Last seen in scopes that left the fleet:\n.*\n.*ecs-service gone/);
});

test('an EKS cluster is shown in a column of its own, and confirmed by its name', async () => {
  const world = await away();
  const scope = { ...SCOPE, eksCluster: 'prod' };
  await world.scopes.record({ scope, left: { atEpochMs: world.clock() - DAY_MS, usages: 2, isMoved: true } });
  const { text } = await run(statusCommand, readOnlyContext(world));
  expect(text).toMatch(/account +region +EKS cluster +state/);
  expect(text).toMatch(/444455556666 +eu-west-1 +prod +left/);
  expect(text).toContain(`patchwave confirm-left ${KEY}/prod --reason TEXT`);
  expect(await confirm(world, [`${KEY}/prod`])).toMatchObject({ code: 0 });
  expect((await world.scopes.get(scope))?.left).toHaveProperty('confirmed');
  expect((await world.scopes.get(SCOPE))?.left).not.toHaveProperty('confirmed');
});
