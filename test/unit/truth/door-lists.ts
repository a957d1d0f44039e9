import { collect } from '../../../shared/concurrency.ts';
import { type DoorPlace, doorPlaceOf, doorPlaceText, doorsSchema } from '../../../shared/domain/policy/doors.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import type { Scope } from '../../../shared/domain/review/run.ts';
import { parse } from '../../../shared/schema.ts';
import { answersOfDoors } from '../../support/door-lists.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';

const DOORS = parse(doorsSchema, { mode: 'deny', graceRunningDays: 5 });

/** Where a published list and the webhook answer otherwise, each as a sentence. @param check called for each answer */
export async function listsThatDiffer(world: FakeWorld, check: () => void): Promise<readonly string[]> {
  const { policy } = await world.policies.current();
  const places = await placesIn(world);
  const indexes = (await collect(world.recordedIndexes.recordedSince(0))).flat();
  const digests = [...world.images.records.keys(), ...indexes];
  const under: Policy = { ...policy, doors: DOORS, approvedRegistries: undefined };
  const { ofWebhook, ofList } = await answersOfDoors(world, under, places, digests);
  const used = await usedIn(world, places);
  return Object.entries(ofWebhook).flatMap(([key, answer]) => {
    check();
    if (ofList[key] === answer || (ofList[key] === 'deny' && answer.startsWith('until') && !used.has(key))) return [];
    return [`the list says ${ofList[key]} to ${key}, the webhook ${answer}`];
  });
}

/**
 * What runs where by the usages, as `<digest> in <cluster>/<namespace>`, indexes too. An attempt that died may have left a mark
 * without a usage: by that the webhook gives grace to what does not run there any more, and a list rightly does not.
 */
async function usedIn(world: FakeWorld, places: readonly DoorPlace[]): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  const indexes = await world.places.indexes((await collect(world.recordedIndexes.recordedSince(0))).flat());
  for (const { account, region, cluster } of places)
    for (const state of ['live', 'left'] as const)
      for await (const usage of world.usages.all({ account, region, eksCluster: cluster }, state)) {
        if ('unreadable' in usage) continue;
        const naming = [...indexes].filter(([, children]) => children.some(({ digest }) => digest === usage.digest));
        for (const digest of [usage.digest, ...naming.map(([index]) => index)])
          used.add(`${digest} in ${cluster}/${doorPlaceOf(usage).namespace}`);
      }
  return used;
}

/** The namespaces of EKS in which something runs, and of each cluster one in which nothing does. */
async function placesIn(world: FakeWorld) {
  const places = new Map<string, DoorPlace & { readonly namespace: string }>();
  const add = (place: DoorPlace, namespace = 'empty'): void =>
    void places.set(doorPlaceText({ ...place, namespace }), { ...place, namespace });
  add({ account: '111122223333', region: 'eu-west-1', cluster: 'empty' });
  for (const { scope } of await collect(world.scopes.all())) {
    const { account, region, eksCluster } = scope satisfies Scope;
    if (eksCluster === undefined || eksCluster === '*') continue;
    add({ account, region, cluster: eksCluster });
    for (const usage of await collect(world.usages.live(scope))) {
      const place = doorPlaceOf(usage);
      add(place, place.namespace);
    }
  }
  return [...places.values()];
}
