import { confirmUnusedCommand } from '../../../cli/commands/confirm-unused.ts';
import { NotFoundError, UsageError } from '../../../cli/errors.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { ServiceAtZero } from '../../../shared/domain/image/service-at-zero.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS } from '../../support/samples.ts';
import { ANA, cliContext, run, runJson } from './support.ts';

const OLD = { account: '444455556666', region: 'eu-west-1', cluster: 'prod', service: 'old' };
const NAME = '444455556666/eu-west-1/prod/old';
const dayAfter = (world: FakeWorld, days: number): string =>
  new Date(world.clock() + days * DAY_MS).toISOString().slice(0, 10);

async function atZero(changes: Partial<ServiceAtZero> = {}): Promise<FakeWorld> {
  const world = fakeWorld();
  await world.servicesAtZero.change(OLD, () => ({ ...OLD, sinceEpochMs: world.clock() - 100 * DAY_MS, ...changes }));
  return world;
}

const flagsOf = (world: FakeWorld) => ({ by: 'Jo Ops', until: dayAfter(world, 90), reason: 'kept for audits' });
const stored = async (world: FakeWorld) => (await collect(world.servicesAtZero.all()))[0];

test('confirm-unused records who answers for a service at zero, until when and why', async () => {
  const world = await atZero();
  const flags = flagsOf(world);
  const { code, text } = await run(confirmUnusedCommand, cliContext(world), [NAME], flags);
  expect(code).toBe(0);
  const { by, until, reason } = flags;
  const confirmed = { by, author: ANA, atEpochMs: world.clock(), untilEpochMs: Date.parse(until), reason };
  expect(await stored(world)).toEqual({ ...OLD, sinceEpochMs: world.clock() - 100 * DAY_MS, confirmed });
  expect(text).toContain(`Service ${NAME} is at zero since`);
  expect(text).toContain('(100 days)');
  expect(text).toContain('Jo Ops confirmed at');
});

test('the same once more changes nothing, and another end replaces it', async () => {
  const world = await atZero();
  const flags = flagsOf(world);
  const answer = (until = flags.until) => runJson(confirmUnusedCommand, cliContext(world), [NAME], { ...flags, until });
  expect(await answer()).toMatchObject({ changed: true, service: OLD });
  world.advance(60_000);
  expect(await answer()).toMatchObject({ changed: false });
  const later = dayAfter(world, 120);
  expect(await answer(later)).toMatchObject({
    changed: true,
    service: { confirmed: { untilEpochMs: Date.parse(later) } },
  });
});

test('a rule or schedule that may start the same images is named', async () => {
  const world = await atZero({ isScheduled: true });
  const { text } = await run(confirmUnusedCommand, cliContext(world), [NAME], flagsOf(world));
  expect(text).toContain('A rule or schedule may start the same images');
});

test.each<[string, Partial<ServiceAtZero>, string, RegExp]>([
  ['that runs again', { ended: { atEpochMs: 2, why: 'started' } }, NAME, /a review found it started/],
  ['that is gone', { ended: { atEpochMs: 2, why: 'gone' } }, NAME, /No review found a service/],
  ['of another account', {}, NAME.replace('4444', '5555'), /No review found a service/],
  ['of another cluster', {}, NAME.replace('prod', 'test'), /No review found a service/],
])('a service %s is refused, and nothing is written', async (_, changes, name, message) => {
  const world = await atZero(changes);
  const before = await collect(world.servicesAtZero.all());
  const answer = run(confirmUnusedCommand, cliContext(world), [name], flagsOf(world));
  await expect(answer).rejects.toThrow(NotFoundError);
  await expect(answer).rejects.toThrow(message);
  expect(await collect(world.servicesAtZero.all())).toEqual(before);
});

test.each<[string, string, (world: FakeWorld) => Record<string, string>]>([
  ['no service', 'old', flagsOf],
  ['a namespace of EKS', '444455556666/eu-west-1/prod/shop/web', flagsOf],
  ['no person', NAME, (world) => ({ ...flagsOf(world), by: ' ' })],
  ['no reason', NAME, (world) => ({ ...flagsOf(world), reason: '' })],
  ['no end', NAME, () => ({ by: 'Jo', reason: 'kept' })],
  ['an end that is no day', NAME, (world) => ({ ...flagsOf(world), until: '2027-02-30' })],
  ['an end with a time', NAME, (world) => ({ ...flagsOf(world), until: '2027-02-03T10:00:00Z' })],
  ['an end that has passed', NAME, (world) => ({ ...flagsOf(world), until: dayAfter(world, 0) })],
  ['an end after more than 180 days', NAME, (world) => ({ ...flagsOf(world), until: dayAfter(world, 181) })],
])('%s is a usage error', async (_, name, flags) => {
  const world = await atZero();
  await expect(run(confirmUnusedCommand, cliContext(world), [name], flags(world))).rejects.toThrow(UsageError);
  expect(await stored(world)).not.toHaveProperty('confirmed');
});
