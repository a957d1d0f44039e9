import { ClusterUnauthorizedError, PUBLISHES } from '../../shared/ports/cluster-errors.ts';
import { FakePublishedLists } from '../support/fakes/published-lists.ts';
import {
  constraintsContract,
  missingListsContract,
  type PublishedListsWorld,
  publishedListsContract,
} from './published-lists.contract.ts';

const at = (cluster: string) => ({ account: '444455556666', region: 'eu-west-1', cluster });
const lists = new FakePublishedLists();
for (const name of ['prod', 'bare', 'stranger']) lists.add(at(name));
lists.undefinedIn.add('444455556666/eu-west-1/bare');
lists.failing.set('444455556666/eu-west-1/stranger', new ClusterUnauthorizedError(at('stranger'), PUBLISHES));

missingListsContract(() => ({
  lists,
  ...{ undefinedCluster: at('bare'), deletedCluster: at('gone'), unreachable: at('stranger') },
}));
const world = (): PublishedListsWorld => ({
  lists,
  cluster: at('prod'),
  createFirst: async (name) => lists.put(at('prod'), name, { notAfter: '1970-01-01T00:00:00Z', digests: {} }),
  specOf: async (name) => lists.specOf(at('prod'), name),
  constraints: {
    create: async (name) => lists.constrain(at('prod'), name),
    remove: async (name) => void lists.constraints.get('444455556666/eu-west-1/prod')?.delete(name),
    parametersOf: async (name) => ({ severity: 'deny', allowed: lists.heldBy(at('prod'), name) }),
  },
});
publishedListsContract(world);
constraintsContract(world);
