import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import { locationKey } from '../../../shared/domain/image/image.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import { RegistryUnreachableError } from '../../../shared/ports/errors.ts';
import { parse } from '../../../shared/schema.ts';
import type { Turns } from '../../support/fakes/interleave.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf } from '../../support/samples.ts';
import { messages, type Push, type PushWorld, portsOf, pushed } from './support.ts';

/* The events of a base's pushes are lost: what is built on the base is known after the base all the same. */

type Rule = PolicyDocument['streams'][number];
const PLACE = { account: '111122223333', region: 'eu-west-1' };
const at = (repository: string) => ({ ...PLACE, repository });
const rule = (id: string, tier: Rule['tier'], more: Partial<Rule> = {}): Rule => ({
  ...{ id, tier, account: PLACE.account, regions: [PLACE.region], owner: 'team' },
  ...{ repositories: [id], headTags: ['^v[0-9.]+$'], ...more },
});

/** A review has read all that the rules name just now. */
const readNow = (world: PushWorld, ...streams: readonly Rule[]) =>
  world.baseReadings.record({
    read: Object.fromEntries(
      streams.flatMap(({ repositories }) => repositories).map((one) => [locationKey(at(one)), world.clock()]),
    ),
    unread: [],
  });

async function worldOf(...streams: readonly Rule[]): Promise<PushWorld> {
  const world = fakeWorld();
  const ages = { default: { limitDays: 30 } };
  await world.policies.publish(
    parse(policySchema, { version: 1, mode: 'enforce', ages, streams: [...streams], severities: [] }),
    {},
  );
  await readNow(world, ...streams);
  return world;
}

const push = (world: PushWorld, repository: string, name: string, more: Partial<Push> = {}): string =>
  pushed(world, { name, tag: 'v1', location: at(repository), ...more });

/** @returns what registries were asked, and the images in the order in which they became known */
async function handle(world: PushWorld, bodies: readonly string[], turns: Turns = {}) {
  const listed: string[] = [];
  const { registry } = world;
  const ports = portsOf(world, turns);
  const known = new Set(world.images.records.keys());
  const { failed } = await handleMessages(
    {
      ...ports,
      registry: {
        repositories: (where) => registry.repositories(where),
        images: (location) => {
          listed.push(location.repository);
          return ports.registry.images(location);
        },
        manifests: (location, digests) => ports.registry.manifests(location, digests),
        resolveTag: (location, tag) => ports.registry.resolveTag(location, tag),
        pushedAt: (location, digest) => ports.registry.pushedAt(location, digest),
        config: (location, digest) => ports.registry.config(location, digest),
        systemFiles: (location, layers) => ports.registry.systemFiles(location, layers),
        provenances: (location, attestations) => ports.registry.provenances(location, attestations),
      },
    },
    messages(bodies),
  );
  return { failed, listed, learnt: [...world.images.records.keys()].filter((digest) => !known.has(digest)) };
}

const BASE = rule('base', 'base', { parents: [] });

test('a push on a base without a push event reads the base first', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  push(world, 'base', 'hidden');
  const { failed, learnt } = await handle(world, [push(world, 'app', 'built', { on: ['hidden'] })]);
  expect(failed).toEqual([]);
  expect(learnt).toEqual([digestOf('hidden'), digestOf('built')]);
  expect(world.images.records.get(digestOf('hidden'))).toMatchObject({ tier: 'base', isHead: true });
});

test('a refresh of the repository reads the base first too', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  push(world, 'base', 'hidden');
  push(world, 'app', 'built', { on: ['hidden'] });
  const stream = `${locationKey(at('app'))}:^v[0-9.]+$`;
  const look = JSON.stringify({ kind: 'refresh', stream, digest: digestOf('built') });
  expect((await handle(world, [look])).learnt).toEqual([digestOf('hidden'), digestOf('built')]);
});

test('the base of the platform below is read before the platform', async () => {
  const platform = rule('platform', 'platform', { parents: ['base'] });
  const world = await worldOf(platform, BASE, rule('app', 'application', { parents: ['platform'] }));
  push(world, 'base', 'hidden');
  push(world, 'platform', 'between', { on: ['hidden'] });
  const { learnt } = await handle(world, [push(world, 'app', 'built', { on: ['hidden', 'between'] })]);
  expect(learnt).toEqual([digestOf('hidden'), digestOf('between'), digestOf('built')]);
});

test.each<[string, Rule, readonly string[]]>([
  ['declares nothing, all bases and platforms', rule('app', 'application'), ['base', 'platform']],
  ['declares one of them, that one', rule('app', 'application', { parents: ['platform'] }), ['platform']],
  ['declares no parents, none', rule('app', 'application', { parents: [] }), []],
  ['is of a base that declares nothing, the other bases', rule('app', 'base'), ['base']],
])('where the rule %s is asked', async (_, app, expected) => {
  const world = await worldOf(rule('platform', 'platform'), BASE, app);
  expect((await handle(world, [push(world, 'app', 'built')])).listed).toEqual(expected);
});

test('a base on an imported image without a push event reads the imported image first', async () => {
  const world = await worldOf(rule('platform', 'platform'), rule('upstream', 'mirrored'), rule('base', 'base'));
  push(world, 'upstream', 'imported');
  const { listed, learnt } = await handle(world, [push(world, 'base', 'built', { on: ['imported'] })]);
  expect(new Set(listed)).toEqual(new Set(['upstream']));
  expect(learnt).toEqual([digestOf('imported'), digestOf('built')]);
  expect(world.images.records.get(digestOf('imported'))).toMatchObject({ tier: 'mirrored', isHead: true });
  expect((await handle(world, [push(world, 'upstream', 'imported 2')])).listed).toEqual([]);
});

test('a pattern reads each of its repositories', async () => {
  const world = await worldOf(rule('any', 'base', { repositories: ['any/*'] }), rule('app', 'application'));
  push(world, 'any/one', 'first');
  push(world, 'any/two', 'second', { tag: 'v2' });
  const { learnt } = await handle(world, [push(world, 'app', 'built', { on: ['second'] })]);
  expect(new Set(learnt.slice(0, 2))).toEqual(new Set([digestOf('first'), digestOf('second')]));
  expect(learnt[2]).toBe(digestOf('built'));
});

test('a build on a known head needs no registry call', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  await handle(world, [push(world, 'base', 'known')]);
  const { listed } = await handle(world, [push(world, 'app', 'built', { on: ['known'] })]);
  expect(listed).toEqual([]);
});

test('a repository without an image that is unknown is listed once, and its images are not read again', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  await handle(world, [push(world, 'base', 'known')]);
  const steps: string[] = [];
  const turns: Turns = { before: async (step) => void steps.push(step) };
  expect((await handle(world, [push(world, 'app', 'alone')], turns)).listed).toEqual(['base']);
  expect(steps.filter((step) => step === 'registry.manifests')).toHaveLength(1);
});

test('images pushed before the review read the repository are not requested', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  push(world, 'base', 'long-there');
  world.advance(DAY_MS);
  await readNow(world, BASE);
  expect((await handle(world, [push(world, 'app', 'built')])).learnt).toEqual([digestOf('built')]);
});

test('a head that a rebuild confirmed proves nothing about images between', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  await handle(world, [push(world, 'base', 'known')]);
  await world.images.recordReconfirmation(digestOf('known'), world.clock());
  const { listed } = await handle(world, [push(world, 'app', 'built', { on: ['known'] })]);
  expect(listed).toEqual(['base']);
});

test('a head that only its push dates proves nothing about images between either', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  await handle(world, [push(world, 'base', 'known', { isUndated: true })]);
  expect((await handle(world, [push(world, 'app', 'built', { on: ['known'] })])).listed).toEqual(['base']);
});

test('a repository that no review has read is left to the next review, and ages stay unknown until then', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  await readNow(world);
  push(world, 'base', 'hidden');
  expect((await handle(world, [push(world, 'app', 'built', { on: ['hidden'] })])).listed).toEqual([]);
});

test('a base registry that refuses stops no push', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  push(world, 'base', 'hidden');
  const body = push(world, 'app', 'built', { on: ['hidden'] });
  const refuses: Turns = {
    before: async (step) => {
      if (step === 'registry.images') throw new RegistryUnreachableError(PLACE, new Error('denied'));
    },
  };
  const { failed, learnt } = await handle(world, [body], refuses);
  expect({ failed, learnt }).toEqual({ failed: [], learnt: [digestOf('built')] });
  expect((await world.baseReadings.read())?.unread).toEqual([locationKey(at('base'))]);
});

test('a base with unreadable content counts as unread', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  push(world, 'base', 'hidden');
  world.registry.withhold(at('base'), 'manifests');
  await handle(world, [push(world, 'app', 'built', { on: ['hidden'] })]);
  expect((await world.baseReadings.read())?.unread).toEqual([locationKey(at('base'))]);
});

test('after a failed read of the base the push is delivered again, and nothing is recorded until then', async () => {
  const world = await worldOf(BASE, rule('app', 'application', { parents: ['base'] }));
  push(world, 'base', 'hidden');
  const body = push(world, 'app', 'built', { on: ['hidden'] });
  const fails: Turns = {
    before: async (step) => {
      if (step === 'registry.images') throw new Error('throttled');
    },
  };
  const { failed, learnt } = await handle(world, [body], fails);
  expect({ failed: failed.length, learnt }).toEqual({ failed: 1, learnt: [] });
  expect((await handle(world, [body])).learnt).toEqual([digestOf('hidden'), digestOf('built')]);
});
