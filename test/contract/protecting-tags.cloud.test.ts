import { beforeAll } from '@jest/globals';
import { ecrClients } from '../../shared/adapters/clients.ts';
import { EcrProtectingTags } from '../../shared/adapters/ecr-protecting-tags.ts';
import { EcrRegistry } from '../../shared/adapters/ecr-registry.ts';
import { collect } from '../../shared/concurrency.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createReadRole, createRole } from '../support/member-role.ts';
import { Pusher } from '../support/pushes.ts';
import { type ProtectingTagsWorld, protectingTagsContract } from './protecting-tags.contract.ts';

const ROLE = 'PatchwaveActProtect';
const MEMBER = '444455556666';
const ACTIONS = ['ecr:BatchDeleteImage', 'ecr:BatchGetImage', 'ecr:DescribeImages', 'ecr:PutImage'];
const cloud = useCloud();
let world: ProtectingTagsWorld;
beforeAll(async () => {
  await createRole(cloud(), MEMBER, ROLE, ACTIONS);
  await createReadRole(cloud(), MEMBER);
  const pusher = new Pusher(cloud());
  const registry = new EcrRegistry(ecrClients(accessOf(cloud())));
  world = {
    tags: new EcrProtectingTags(ecrClients(accessOf(cloud(), ROLE))),
    unreachable: { account: '999999999999', region: 'eu-west-1', repository: 'team/a' },
    newRepository: () => pusher.newRepository(MEMBER, 'team/a'),
    push: async (location, image) =>
      (await pusher.push(location, { ...image, pushedAtEpochMs: Date.now() })).artifact.digest,
    tagsOf: async (location, digest) =>
      (await collect(registry.images(location))).flat().find((image) => image.digest === digest)?.tags,
  };
});

protectingTagsContract(() => world);
