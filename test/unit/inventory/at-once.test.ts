import { ensureProperties, keepNames } from '../../../functions/inventory/used-properties.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { ImageLocation } from '../../../shared/domain/image/image.ts';
import type { Usage } from '../../../shared/domain/image/usage.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { recordImage } from '../../../shared/inventory/record-image.ts';
import type { ObservedReference } from '../../../shared/inventory/seen-properties.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { fc } from '../../support/seeded.ts';
import { digestOf, policyOf, seen } from '../fleet-review/support.ts';
import { referenceTo, web } from './support.ts';

/*
 * Several scopes and registries that report one image at the same time, their calls to the ledger mixed by a seeded
 * scheduler: in any order the image ends as if they had reported one after the other.
 */

const digest = digestOf('a');
const policy = policyOf({ awsManaged: { accounts: ['602401143452'], references: ['quay.io/aws/*'] } });
const copy: ImageLocation = { ...web, repository: 'apps/copy' };
type Act = (ports: Ports) => Promise<unknown>;
type Ports = ReturnType<typeof portsOf>;

/** As `recordUsages` does it for one scope: properties, then usages, then the names that another scope may have removed. */
const runs = (observations: readonly ObservedReference[], under: Policy, workload: string): Act => {
  const images = new Map([[digest, { observations }]]);
  const usages = observations.map(
    ({ reference, container }): Usage => ({
      ...{
        account: web.account,
        region: web.region,
        cluster: 'main',
        workloadKind: 'ecs-service',
        workload,
        container,
        count: 1,
      },
      ...{ digest, digestSource: 'runtime', ...(reference !== undefined && { reference }) },
    }),
  );
  return async (ports) => {
    await ensureProperties(ports, under, images, { seen: usages, ending: [] });
    await ports.usages.record(usages, 1);
    await keepNames(ports, under, images, await ports.images.get([digest]));
  };
};

const asksBy = (...references: string[]): Act =>
  runs(
    references.map((reference) => seen({ reference, container: reference, digest, digestSource: 'runtime' as const })),
    policy,
    references.join(),
  );

const runsFrom = (location: ImageLocation, tag = 'stable', under = policy): Act => {
  const reference = referenceTo(location, `:${tag}`);
  return runs([seen({ reference, location, digest, digestSource: 'runtime' as const })], under, reference);
};

const keeps =
  (location: ImageLocation, tag: string, under = policy): Act =>
  async (ports) => {
    const birth = {
      known: true as const,
      bornAtEpochMs: 1,
      evidence: [{ kind: 'config-created' as const, atEpochMs: 1 }],
    };
    const known = (await ports.images.get([digest])).get(digest);
    await recordImage(ports, under, { content: { digest, birth }, place: { location, tags: [tag] } }, known);
  };

const all: Readonly<Record<string, Act>> = {
  nginx: asksBy('nginx:1'),
  others: asksBy('quay.io/nginx/nginx:1', 'docker.io/bitnami/nginx:1'),
  agent: asksBy('quay.io/aws/agent:1'),
  runsWeb: runsFrom(web),
  runsCopy: runsFrom(copy),
  keepsWeb: keeps(web, 'stable'),
  keepsCopy: keeps(copy, 'blue'),
};

/** The ledgers of a world whose calls wait for their turn. */
function portsOf(world: ReturnType<typeof fakeWorld>, turn: () => Promise<unknown>) {
  const inTurn = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          await turn();
          return member.apply(target, args);
        };
      },
    });
  const { images, places, streamImages, usages, clock, registry } = world;
  const ledgers = { images: inTurn(images), places: inTurn(places), streamImages: inTurn(streamImages) };
  return { ...ledgers, usages: inTurn(usages), registry: inTurn(registry), clock };
}

async function oneAfterTheOther(acts: readonly Act[]): Promise<ImageRecord | undefined> {
  const world = fakeWorld();
  for (const tell of acts) await tell(portsOf(world, async () => {}));
  return world.images.records.get(digest);
}

test('concurrent data on one image is all kept', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.subarray(Object.keys(all), { minLength: 2 }), async (scheduler, names) => {
      const acts = names.flatMap((name) => all[name] ?? []);
      const world = fakeWorld();
      const ports = portsOf(world, () => scheduler.schedule(Promise.resolve()));

      const done = Promise.all(acts.map((tell) => tell(ports)));
      await scheduler.waitFor(done);

      const after = world.images.records.get(digest);
      const expected = await oneAfterTheOther(acts);
      expect(after?.references).toEqual(expected?.references);
      expect(after?.locations).toEqual(expected?.locations);
      expect(after?.tier).toBe(expected?.tier);
      if (after?.stream) expect(await collect(world.streamImages.of(after.stream))).toEqual([digest]);
    }),
    { seed: 20261124, numRuns: 300 },
  );
});

const line = { tier: 'application' as const, account: web.account, regions: [web.region], owner: 'team' };
/** The only line of the copies is by letters before the other; the tag of the image there is none of it. */
const lines = policyOf({
  streams: [
    { ...line, id: 'web', repositories: [web.repository], headTags: ['^stable$'] },
    { ...line, id: 'copy', repositories: [copy.repository], headTags: ['^green$'], owner: 'others' },
  ],
});
const OF_WEB = { stream: `${web.account}/${web.region}/${web.repository}:^stable$`, owner: 'team' };

test('a place in an unreadable registry has its running tags, also when another one is reread', async () => {
  const world = fakeWorld();
  const ports = portsOf(world, async () => {});
  for (const tell of [keeps(web, 'stable', lines), runsFrom(copy, 'blue', lines), keeps(web, 'stable', lines)]) {
    await tell(ports);
    expect(world.images.records.get(digest)).toMatchObject(OF_WEB);
  }
});

test('a location that is found while another is read does not count as untagged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const world = fakeWorld();
      const ports = portsOf(world, () => scheduler.schedule(Promise.resolve()));
      await scheduler.waitFor(Promise.all([keeps(web, 'stable', lines)(ports), keeps(copy, 'blue', lines)(ports)]));
      expect(world.images.records.get(digest)).toMatchObject(OF_WEB);
    }),
    { seed: 20261126, numRuns: 300 },
  );
});
