import { PutLifecyclePolicyCommand } from '@aws-sdk/client-ecr';
import { beforeAll } from '@jest/globals';
import { ecrClients } from '../../shared/adapters/clients.ts';
import { EcrLifecycles } from '../../shared/adapters/ecr-lifecycles.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createReadRole } from '../support/member-role.ts';
import { Pusher } from '../support/pushes.ts';
import { type LifecyclesWorld, lifecyclesContract } from './lifecycles.contract.ts';

const MEMBER = '444455556666';
const cloud = useCloud();
let world: LifecyclesWorld;
beforeAll(async () => {
  await createReadRole(cloud(), MEMBER, ['ecr:GetLifecyclePolicy', 'ecr:DescribeImages']);
  const pusher = new Pusher(cloud());
  world = {
    lifecycles: new EcrLifecycles(ecrClients(accessOf(cloud()))),
    unreachable: { account: '999999999999', region: 'eu-west-1', repository: 'team/a' },
    newRepository: () => pusher.newRepository(MEMBER, 'team/a'),
    setPolicy: async (location, lifecyclePolicyText) => {
      const { repository: repositoryName } = location;
      await pusher.ecr(location).send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }));
    },
    push: async (location, push) => (await pusher.push(location, push)).artifact.digest,
    archive: (location, digest) => pusher.archive(location, digest),
  };
});

lifecyclesContract(() => world);
