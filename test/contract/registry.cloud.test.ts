import { beforeAll } from '@jest/globals';
import { ecrClients } from '../../shared/adapters/clients.ts';
import { EcrRegistry } from '../../shared/adapters/ecr-registry.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createReadRole } from '../support/member-role.ts';
import { Pusher } from '../support/pushes.ts';
import { type RegistryWorld, registryContract } from './registry.contract.ts';

const MEMBER = '444455556666';
const cloud = useCloud();
let world: RegistryWorld;
beforeAll(async () => {
  await createReadRole(cloud(), MEMBER);
  const pusher = new Pusher(cloud());
  world = {
    registry: new EcrRegistry(ecrClients(accessOf(cloud()))),
    unreachable: { account: '999999999999', region: 'eu-west-1', repository: 'team/a' },
    newRepository: (name) => pusher.newRepository(MEMBER, name),
    createRepository: (location) => pusher.createRepository(location),
    push: (location, push) => pusher.push(location, push),
    delete: (location, digest) => pusher.delete(location, digest),
    archive: (location, digest) => pusher.archive(location, digest),
  };
});

registryContract(() => world);
