import { PutImageTagMutabilityCommand } from '@aws-sdk/client-ecr';
import { beforeAll } from '@jest/globals';
import { ecrClients } from '../../shared/adapters/clients.ts';
import { EcrRegistry } from '../../shared/adapters/ecr-registry.ts';
import { EcrTagger } from '../../shared/adapters/ecr-tagger.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createReadRole, createRole } from '../support/member-role.ts';
import { Pusher } from '../support/pushes.ts';
import { type TaggerWorld, taggerContract } from './tagger.contract.ts';

const ROLE = 'PatchwaveActBuild';
const MEMBER = '444455556666';
const cloud = useCloud();
let world: TaggerWorld;
beforeAll(async () => {
  await createRole(cloud(), MEMBER, ROLE, ['ecr:BatchGetImage', 'ecr:PutImage']);
  await createReadRole(cloud(), MEMBER);
  const pusher = new Pusher(cloud());
  const registry = new EcrRegistry(ecrClients(accessOf(cloud())));
  world = {
    tagger: new EcrTagger(ecrClients(accessOf(cloud(), ROLE))),
    unreachable: { account: '999999999999', region: 'eu-west-1', repository: 'team/a' },
    newRepository: async ({ immutable = false } = {}) => {
      const location = await pusher.newRepository(MEMBER, 'team/a');
      const { repository: repositoryName } = location;
      const imageTagMutability = immutable ? 'IMMUTABLE' : 'MUTABLE';
      await pusher.ecr(location).send(new PutImageTagMutabilityCommand({ repositoryName, imageTagMutability }));
      return location;
    },
    push: async (location, image) =>
      (await pusher.push(location, { ...image, pushedAtEpochMs: Date.now() })).artifact.digest,
    resolve: (location, tag) => registry.resolveTag(location, tag),
  };
});

taggerContract(() => world);
