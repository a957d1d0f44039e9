import { firstAllowedImages } from '../../enforcement/build/allowed-images.ts';
import { type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { shippedConstraint } from '../support/constraint-definition.ts';
import { publisherIn } from './eks-publish-access.contract.ts';
import type { KubernetesWorld } from './kubernetes-server.contract.ts';
import { constraintsContract, type PublishedListsWorld, publishedListsContract } from './published-lists.contract.ts';

/** The adapter of the publisher, against an API server. */
export function eksPublishedListsContract(world: () => KubernetesWorld): void {
  let lists: Awaited<ReturnType<typeof publisherIn>>;
  beforeAll(async () => {
    lists = await publisherIn(world());
  });
  const published = (): PublishedListsWorld => {
    const { admin, place } = world();
    return {
      ...{ lists, cluster: place },
      createFirst: async (name) => {
        const [first] = firstAllowedImages(1);
        await admin.ensure({ ...first, metadata: { name } } as unknown as KubernetesObject);
      },
      specOf: async (name) => (await admin.get(RESOURCES.allowedImages, undefined, name))?.spec,
      constraints: {
        create: async (name) => admin.ensure(shippedConstraint(name)),
        remove: (name) => admin.remove(RESOURCES.constraints, { metadata: { name } } as KubernetesObject),
        parametersOf: async (name) => (await admin.get(RESOURCES.constraints, undefined, name))?.spec?.parameters,
      },
    };
  };
  publishedListsContract(published);
  constraintsContract(published);
}
