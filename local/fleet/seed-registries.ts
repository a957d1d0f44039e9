import {
  CreateRepositoryCommand,
  PutRegistryScanningConfigurationCommand,
  type RegistryScanningRule,
} from '@aws-sdk/client-ecr';
import { inParallel } from './parallel.ts';
import type { Fleet } from './schema.ts';
import { SEED_CONCURRENCY, type SeedContext } from './seed-context.ts';

const continuousFor = (filters: readonly string[]): RegistryScanningRule => ({
  scanFrequency: 'CONTINUOUS_SCAN',
  repositoryFilters: filters.map((filter) => ({ filter, filterType: 'WILDCARD' })),
});

type Repository = Fleet['repositories'][number];

export async function createRegistries({ fleet, ecr, admin }: SeedContext): Promise<void> {
  await inParallel(
    SEED_CONCURRENCY,
    fleet.registries,
    async ({ account, region, scanType, scanFilters, dailyScanLimit }) => {
      if (scanType === 'ENHANCED') {
        await ecr(account, region).send(
          new PutRegistryScanningConfigurationCommand({ scanType, rules: [continuousFor(scanFilters)] }),
        );
      }
      if (dailyScanLimit !== undefined) await admin.setRegistry({ account, region, dailyScanLimit });
    },
  );
}

export async function createRepository({ ecr }: SeedContext, repository: Repository): Promise<void> {
  const { account, region, name, scanOnPush, tagMutability, ownerTag } = repository;
  await ecr(account, region).send(
    new CreateRepositoryCommand({
      repositoryName: name,
      imageScanningConfiguration: { scanOnPush },
      imageTagMutability: tagMutability,
      ...(ownerTag !== undefined && { tags: [{ Key: 'owner', Value: ownerTag }] }),
    }),
  );
}
