import { planCommand } from '../../../cli/commands/plan.ts';
import { statusCommand } from '../../../cli/commands/status.ts';
import { whyCommand } from '../../../cli/commands/why.ts';
import type { FindingFact } from '../../../shared/domain/cause/cause.ts';
import { afterOutcome } from '../../../shared/domain/guard/rebuild-history.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { digestOf } from '../../support/samples.ts';
import {
  causeOf,
  DAY_MS,
  fact,
  judge,
  type PlanWorld,
  planWorld,
  pushed,
  reasonOf,
  stands,
  streamOf,
  tell,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { readOnlyContext, run, runJson } from './support.ts';

const NO_FIX = fact({ fix: 'no' });
const [BASE, APP] = [0, 2] as const;

/** An application on a base, both with a finding without a fix; the base has it from the image of a vendor. */
async function waiting(finding: FindingFact = NO_FIX): Promise<PlanWorld> {
  const world = await planWorld({ tiers: ['base', 'platform'] });
  const base = await violating(world, BASE, finding);
  stands(world, await violating(world, APP, finding), base);
  const vendor = await pushed(world, 19, 'vendor', { reasons: [reasonOf(finding)] });
  const { stream: _, ...record } = (await world.images.get([vendor])).get(vendor) as ImageRecord;
  world.images.records.set(vendor, { ...record, tier: 'mirrored' });
  stands(world, base, vendor);
  return world;
}

const waitsIn = async (world: PlanWorld) =>
  (await runJson(statusCommand, readOnlyContext(world))).waitingForVendors as readonly Record<string, unknown>[];

test('status, plan and why list a vendor dependency of a family once', async () => {
  const world = await waiting();
  await wakeUp(world);
  const expected = [
    {
      ...{ package: 'openssl', version: '3.0.1', vulnerability: 'CVE-2026-1', reason: 'no-fix', images: 2 },
      ...{ stream: streamOf(BASE), heads: [digestOf('app-0')], streams: [streamOf(BASE), streamOf(APP)] },
      vendor: { digest: digestOf('vendor'), tier: 'mirrored' },
      sinceEpochMs: NO_FIX.sinceEpochMs,
    },
  ];
  expect(await waitsIn(world)).toMatchObject(expected);
  expect(await runJson(planCommand, readOnlyContext(world))).toMatchObject({
    planned: [],
    waitingForVendors: expected,
  });
  const [explained] = (await runJson(whyCommand, readOnlyContext(world), [digestOf('app-2')])) as never as object[];
  expect(explained).toMatchObject({ waitingForVendors: expected });
  for (const command of [statusCommand, planCommand] as const) {
    const { text } = await run(command, readOnlyContext(world));
    expect(text).toContain('Waiting for a vendor fix');
    expect(text).toMatch(/openssl 3\.0\.1 +CVE-2026-1 +\S*team\/app-0:\S+ +2 +2 +2026-11-23 03:00 UTC/);
  }
  expect((await run(whyCommand, readOnlyContext(world), [digestOf('app-0')])).text).toContain(
    'Waiting for a vendor fix',
  );
});

test('a published fix is planned automatically and ends the wait', async () => {
  const world = await waiting();
  expect(await wakeUp(world)).toMatchObject({ streams: 0 });
  expect((await causeOf(world, BASE)).answer).toMatchObject({ answer: 'refuse', reason: 'would-not-help' });
  const fixed = fact({ fix: 'yes' });
  await judge(world, digestOf('app-0'), [reasonOf(fixed)]);
  await tell(world, BASE, fixed);
  expect(await waitsIn(world)).toEqual([]);
  expect(await wakeUp(world)).toMatchObject({ streams: 2 });
  expect(await causeOf(world, BASE)).toMatchObject({ state: 'taken' });
});

test('a gone finding ends the wait and its cause', async () => {
  const world = await waiting();
  await wakeUp(world);
  for (const name of ['app-0', 'app-2']) await judge(world, digestOf(name), []);
  expect(await waitsIn(world)).toEqual([]);
  await wakeUp(world);
  expect(await causeOf(world, BASE)).toMatchObject({ state: 'closed', facts: [] });
});

test('with no known fix, a failed trial rebuild counts until the next one is due', async () => {
  const unknown = fact({ fix: 'unknown' });
  const world = await waiting(unknown);
  expect(await waitsIn(world)).toEqual([]);
  const outcome = { result: 'ineffective', left: [unknown] } as const;
  const rebuild = { rebuildId: 'r1', cascadeId: 'abc-g1', facts: [unknown] };
  const atEpochMs = world.clock();
  await world.guards.change(streamOf(BASE), (history) => afterOutcome(history, { rebuild, outcome, atEpochMs }));
  expect(await waitsIn(world)).toMatchObject([{ reason: 'no-fix-seen', triedAtEpochMs: atEpochMs }]);
  world.advance(2 * DAY_MS);
  expect(await wakeUp(world)).toMatchObject({ streams: 0 });
  expect((await causeOf(world, BASE)).answer).toMatchObject({ reason: 'no-fix-seen' });
  world.advance(6 * DAY_MS);
  expect(await wakeUp(world)).toMatchObject({ streams: 2 });
});
