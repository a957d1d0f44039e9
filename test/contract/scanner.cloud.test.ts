import { PutRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import { beforeAll } from '@jest/globals';
import { ecrClients, inspectorClients } from '../../shared/adapters/clients.ts';
import { registryScanner, registryScans } from '../../shared/adapters/scanners.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createReadRole } from '../support/member-role.ts';
import { Pusher } from '../support/pushes.ts';
import { type ScannerWorld, scannerContract } from './scanner.contract.ts';

const MEMBER = '444455556666';
const cloud = useCloud();
let world: ScannerWorld;
beforeAll(async () => {
  await createReadRole(cloud(), MEMBER);
  const pusher = new Pusher(cloud());
  const newRepository = () => pusher.newRepository(MEMBER, 'team/a');
  const clients = { ecr: ecrClients(accessOf(cloud())), inspector: inspectorClients(accessOf(cloud())) };
  world = {
    scanner: registryScanner(clients, { partition: 'aws', clock: Date.now }),
    scans: registryScans(clients, { partition: 'aws' }),
    unreachable: { account: '999999999999', region: 'eu-west-1', repository: 'team/a' },
    newRepository: {
      ecr: newRepository,
      inspector: async () => {
        const location = await newRepository();
        const everything = { filter: '*', filterType: 'WILDCARD' } as const;
        const rules = [{ scanFrequency: 'CONTINUOUS_SCAN' as const, repositoryFilters: [everything] }];
        await pusher.ecr(location).send(new PutRegistryScanningConfigurationCommand({ scanType: 'ENHANCED', rules }));
        return location;
      },
    },
    limit: ({ account, region }, dailyScanLimit) => cloud().admin.setRegistry({ account, region, dailyScanLimit }),
    push: async (location, { name, kind = 'image', vulnerabilities = [] }) => {
      await cloud().admin.setVulnerabilities(
        vulnerabilities.map((id) => ({
          id,
          package: 'openssl',
          severity: 'HIGH',
          uri: `https://security.example/${id}`,
        })),
      );
      const { artifact } = await pusher.push(location, {
        name,
        tags: [name],
        pushedAtEpochMs: Date.now(),
        packages: { openssl: '3.0.1-1' },
        ...(kind === 'index' && { index: 'images' }),
        ...(kind === 'unscannable' && { os: 'scratch', packages: {} }),
      });
      return artifact.digest;
    },
    archive: (location, digest) => pusher.archive(location, digest),
    delete: (location, digest) => pusher.delete(location, digest),
    use: (location, digest, { count, lastAtEpochMs }) =>
      cloud().admin.givePast({
        ...{ ...location, digest },
        inUse: {
          ...(count !== undefined && { count }),
          ...(lastAtEpochMs !== undefined && { lastAt: new Date(lastAtEpochMs) }),
        },
      }),
  };
});

scannerContract(() => world);
