import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { doorsCommand } from '../../../cli/commands/doors.ts';
import { planCommand } from '../../../cli/commands/plan.ts';
import { policyCommand } from '../../../cli/commands/policy.ts';
import { UsageError } from '../../../cli/errors.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { streamsAt } from '../../../shared/domain/stream/stream.ts';
import { closure, lock } from '../../support/rebuild-samples.ts';
import { locationOf, type PlanWorld, planWorld, STREAM, streamOf, violating } from '../cascade-plan/support.ts';
import { cliContext, readOnlyContext, run, runJson } from './support.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-names-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Rule = PolicyDocument['streams'][number];

/** The file of the policy in force, with another first rule; without one if `change` is `undefined`. */
async function fileWith(world: PlanWorld, change: Partial<Rule> | undefined): Promise<string> {
  const { policy } = await world.policies.current();
  const [first, ...others] = policy.streams;
  const streams = change && first ? [{ ...first, ...change }, ...others] : others;
  const file = join(folder, 'policy.json');
  writeFileSync(file, JSON.stringify({ ...policy, streams }));
  return file;
}

const apply = (world: PlanWorld, file: string, flags: Readonly<Record<string, boolean>> = {}) =>
  run(policyCommand, cliContext(world), ['apply', file], { yes: true, ...flags });

const EDITED = { headTags: ['^(v.*)$'] };

describe('an edit of a head tag with an open cause', () => {
  test('keeps the stream, its pipeline and its plan', async () => {
    const world = await planWorld();
    await violating(world, 0);
    const { code, text } = await apply(world, await fileWith(world, EDITED));
    expect([code, text]).toEqual([
      0,
      expect.stringMatching(/^Rule app-0: head tag \^\(v\.\*\)\$ goes on with the streams named \^v\.\*\$\.\n/),
    ]);
    expect(text).not.toContain('would lose its rule');
    const { policy } = await world.policies.current();
    expect(streamsAt(policy, locationOf(0))).toEqual([STREAM]);
    expect(await runJson(planCommand, cliContext(world))).toMatchObject({ planned: [{ stream: STREAM }] });
  });

  test('is named in --json, too', async () => {
    const world = await planWorld();
    const file = await fileWith(world, EDITED);
    const renamed = [{ rule: 'app-0', headTag: '^(v.*)$', name: '^v.*$' }];
    const planned = await run(planCommand, cliContext(world), [], { policy: file, json: true });
    expect(JSON.parse(planned.text)).toMatchObject({ change: { renamed } });
    const applied = await run(policyCommand, cliContext(world), ['apply', file], { yes: true, json: true });
    expect(JSON.parse(applied.text)).toMatchObject({ applied: true, renamed });
  });

  test('gives the same policy if the same file is applied again', async () => {
    const world = await planWorld();
    const file = await fileWith(world, EDITED);
    await apply(world, file);
    const before = await world.policies.current();
    expect((await apply(world, file)).text).toContain('This policy is in force already');
    expect(await world.policies.current()).toEqual(before);
  });

  test('is planned and judged by `--policy` as it will be applied', async () => {
    const world = await planWorld();
    await violating(world, 0);
    const file = await fileWith(world, EDITED);
    const plan = await runJson(planCommand, readOnlyContext(world), [], { policy: file });
    const doors = await runJson(doorsCommand, readOnlyContext(world), ['check'], { policy: file });
    await apply(world, file);
    const { version } = await world.policies.current();
    expect(plan).toMatchObject({ planned: [{ stream: STREAM }], change: { leaving: [] } });
    expect(doors).toMatchObject({ policyVersion: version });
  });
});

test('two head tags that replace two others are asked for, and the policy in force stays', async () => {
  const world = await planWorld();
  await apply(
    world,
    await fileWith(world, { headTags: ['^v1.*$', '^v2.*$'], names: { '^v1.*$': '^v.*$', '^v2.*$': 'two' } }),
  );
  const before = await world.policies.current();
  const file = await fileWith(world, { headTags: ['^v(1).*$', '^v(2).*$'], names: {} });
  const attempt = apply(world, file);
  await expect(attempt).rejects.toBeInstanceOf(UsageError);
  await expect(attempt).rejects.toThrow('  rule app-0, head tag ^v(2).*$: ^v.*$ or two\n');
  await expect(run(planCommand, cliContext(world), [], { policy: file })).rejects.toBeInstanceOf(UsageError);
  await expect(run(doorsCommand, cliContext(world), ['check'], { policy: file })).rejects.toBeInstanceOf(UsageError);
  expect(await world.policies.current()).toEqual(before);
});

describe('a rule that goes', () => {
  const OPEN: Readonly<Record<string, (world: PlanWorld) => Promise<unknown>>> = {
    cause: (world) => violating(world, 0),
    build: (world) => world.locks.take(lock('rebuild-1', { stream: STREAM })),
    closure: (world) => world.rollouts.openClosure(closure('cascade-1', STREAM)),
  };

  test.each(Object.entries(OPEN))('with an open %s stops the policy, by name', async (kind, open) => {
    const world = await planWorld();
    await open(world);
    const before = await world.policies.current();
    const file = await fileWith(world, undefined);
    const { code, text } = await apply(world, file);
    expect([code, text]).toEqual([1, expect.stringMatching(new RegExp(`\\n\\S+/team/app-0:\\S+ +${kind}\\n`))]);
    expect(text).toMatch(/Nothing was changed\. .*--leave-streams\n$/);
    expect(await world.policies.current()).toEqual(before);
    expect((await apply(world, file, { 'leave-streams': true })).text).toContain('is in force now');
  });

  test('without open work stops nothing', async () => {
    const world = await planWorld();
    await violating(world, 1);
    expect((await apply(world, await fileWith(world, undefined))).text).toContain('is in force now');
  });

  test('and returns, has its stream again', async () => {
    const world = await planWorld();
    await apply(world, await fileWith(world, EDITED));
    const { policy } = await world.policies.current();
    const [first] = policy.streams;
    await apply(world, await fileWith(world, undefined));
    expect(streamsAt((await world.policies.current()).policy, locationOf(0))).toEqual([]);
    const { names: _, ...rule } = first as Rule;
    const file = join(folder, 'returned.json');
    writeFileSync(file, JSON.stringify({ ...policy, streams: [rule, ...policy.streams.slice(1)] }));
    await apply(world, file);
    expect(streamsAt((await world.policies.current()).policy, locationOf(0))).toEqual([streamOf(0)]);
  });
});
