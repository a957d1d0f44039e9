import { rebuildCommand } from '../../../cli/commands/rebuild.ts';
import { NotFoundError, RebuildRefusedError, UsageError } from '../../../cli/errors.ts';
import { mergeCause, takeCause } from '../../../shared/domain/cause/cause.ts';
import { rebuild } from '../../support/rebuild-samples.ts';
import {
  causeOf,
  DAY_MS,
  fact,
  lastStarted,
  locationOf,
  type PlanWorld,
  planWorld,
  pushed,
  setPolicy,
  streamOf,
  tell,
  violating,
  wakeUp,
} from '../cascade-plan/support.ts';
import { ANA, cliContext, run, runJson } from './support.ts';

const reason = 'a new base image';
const request = (world: PlanWorld, sinceEpochMs = world.clock()) =>
  ({ kind: 'person', ruleId: 'asked-by-person', by: ANA, reason, sinceEpochMs }) as const;

/** A stream with a compliant head. */
async function clean(n = 0): Promise<PlanWorld> {
  const world = await planWorld();
  const head = await pushed(world, n, 'clean', { tags: ['v1'], reasons: [], inUse: true });
  await world.streams.recordStream(
    {
      ...{ stream: streamOf(n), tier: 'application', owner: 'payments', location: locationOf(n), headTag: '^v.*$' },
      head: { images: { 'linux/arm64': head } },
    },
    undefined,
  );
  return world;
}

test('a manual request rebuilds a compliant stream', async () => {
  const world = await clean();
  const { code, text } = await run(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  expect(code).toBe(0);
  expect(text).toBe(
    `Requested a rebuild of ${streamOf(0)}.\nThe planner plans the stream at its next run, by default within 15 minutes (PlanMinutes). To see the result now: patchwave plan\n`,
  );
  expect(await causeOf(world)).toMatchObject({ state: 'open', version: 1, facts: [request(world)] });

  await wakeUp(world);
  expect((await lastStarted(world)).nodes).toMatchObject([
    { stream: streamOf(0), work: 'rebuild', facts: [request(world)] },
  ]);
});

test('a repeated request with the same reason counts once, from the first time', async () => {
  const world = await clean();
  const first = world.clock();
  await run(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  world.advance(1000);
  const output = await runJson(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  expect(output).toMatchObject({ added: false, cause: { version: 1, facts: [request(world, first)] } });
  expect(await runJson(rebuildCommand, cliContext(world), [streamOf(0)], { reason: 'another' })).toMatchObject({
    added: true,
    cause: { version: 2 },
  });
});

test('a repeated request after its rebuild is a new one', async () => {
  const world = await clean();
  await tell(world, 0, request(world, world.clock() - DAY_MS));
  const fulfilled = { reservedAtEpochMs: world.clock() - 1000, outcome: { result: 'fixed' } } as const;
  await world.rebuilds.record(streamOf(0), 'r1', () => rebuild('r1', { stream: streamOf(0), ...fulfilled }));
  const output = await runJson(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  expect(output).toMatchObject({ added: true, cause: { version: 2, state: 'open', facts: [request(world)] } });
});

test('a request for a cause taken by a cascade reopens it and waits for the cascade', async () => {
  const world = await planWorld();
  await violating(world);
  await wakeUp(world);
  const { cascade } = await lastStarted(world);
  expect(await causeOf(world)).toMatchObject({ state: 'taken' });
  const { text } = await run(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  expect(text).toContain('wait: already-open');
  expect(text).toContain(cascade.cascadeId);
  expect(await causeOf(world)).toMatchObject({ state: 'open', version: 2 });
});

test.each([
  ['report-only', (world: PlanWorld) => setPolicy(world, { mode: 'report-only' })],
  [
    'attempts-exhausted',
    ({ guards }: PlanWorld) => guards.change(streamOf(0), (was) => ({ ...was, failuresInARow: 3 })),
  ],
  [
    'no-pipeline',
    async ({ policies }: PlanWorld) => {
      const { policy, version } = await policies.current();
      const streams = policy.streams.map(({ pipeline: _, ...rule }) => rule);
      await policies.publish({ ...policy, streams }, { replaces: version });
    },
  ],
] as const)('%s: refused, and no request is recorded', async (why, arrange) => {
  const world = await clean();
  await arrange(world);
  const asked = run(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  await expect(asked).rejects.toThrow(RebuildRefusedError);
  await expect(asked).rejects.toThrow(`(${why})`);
  expect(await world.causes.get([streamOf(0)])).toEqual(new Map());
});

test('a stream that only waits accepts the request and shows the wait', async () => {
  const world = await clean();
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident' });
  const { code, text } = await run(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  expect(code).toBe(0);
  expect(text).toContain('wait: paused');
  expect((await causeOf(world)).facts).toHaveLength(1);
});

test('a cause changed meanwhile keeps its new facts', async () => {
  const world = await planWorld();
  await violating(world);
  await world.causes.change(streamOf(0), (cause) => cause && takeCause(cause, 'dead-g1', cause.version));
  await run(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  expect((await causeOf(world)).facts.map(({ kind }) => kind)).toEqual(['finding', 'person']);
});

test('under a pause a request that would be refused when it ends is refused, and any other is recorded', async () => {
  const world = await clean();
  await world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: 1, reason: 'an incident' });
  const { text } = await run(rebuildCommand, cliContext(world), [streamOf(0)], { reason });
  expect(text).toMatch(/^Requested a rebuild .*\nThe stream is on hold:\n.*\n.*wait: paused +-/);
  await setPolicy(world, { mode: 'report-only' });
  const again = run(rebuildCommand, cliContext(world), [streamOf(0)], { reason: 'another reason' });
  await expect(again).rejects.toThrow(/is not rebuilt \(report-only\): .* Nothing was written\./);
  expect((await causeOf(world)).facts).toHaveLength(1);
});

test('an unknown stream and a missing reason are refused', async () => {
  const world = await clean();
  await expect(run(rebuildCommand, cliContext(world), ['app-0'], { reason })).rejects.toThrow(NotFoundError);
  await expect(run(rebuildCommand, cliContext(world), [streamOf(0)])).rejects.toThrow(UsageError);
  expect(await world.causes.get(['app-0'])).toEqual(new Map());
});

test.each(['team/app-0', '111122223333/eu-west-1/team/app-0'])(
  '%s names the only stream of the repository',
  async (repository) => {
    const world = await clean();
    const { text } = await run(rebuildCommand, cliContext(world), [repository], { reason });
    expect(text).toContain(`Requested a rebuild of ${streamOf(0)}.`);
    expect((await causeOf(world)).facts).toHaveLength(1);
  },
);

test('a repository with two streams names none of them, and nothing is recorded', async () => {
  const world = await clean();
  const other = streamOf(0).replace('^v.*$', '^w.*$');
  await world.causes.change(other, () => mergeCause(other, undefined, [fact()]));
  const asked = run(rebuildCommand, cliContext(world), ['team/app-0'], { reason });
  await expect(asked).rejects.toThrow(`has 2 streams. Give one of them, in quotes:\n  ${streamOf(0)}\n  ${other}`);
  expect(await world.causes.get([streamOf(0)])).toEqual(new Map());
});
