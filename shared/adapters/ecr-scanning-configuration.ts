import { type ECRClient, GetRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import type { Registry } from '../domain/image/image.ts';
import type { RegistryScanning } from '../domain/scan/registry-scanning.ts';
import type { RegionalClients } from './clients.ts';
import { unreachable } from './ecr-manifests.ts';
import { orUnreachable } from './refusal.ts';

/**
 * The scanning configuration of a registry.
 * https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryScanningConfiguration.html
 * @throws RegistryUnreachableError
 */
export async function readRegistryScanning(
  clients: RegionalClients<ECRClient>,
  registry: Registry,
): Promise<RegistryScanning> {
  const { scanningConfiguration: { scanType, rules = [] } = {} } = await orUnreachable(
    () => clients(registry).send(new GetRegistryScanningConfigurationCommand({})),
    unreachable(registry),
  );
  if (scanType !== 'ENHANCED') return { type: 'basic', rules: [] };
  return {
    type: 'enhanced',
    rules: rules.flatMap(({ scanFrequency = '', repositoryFilters = [] }) => {
      const frequency = FREQUENCIES[scanFrequency];
      const filters = repositoryFilters.flatMap(({ filter }) => filter ?? []);
      return frequency === undefined ? [] : [{ frequency, filters }];
    }),
  };
}

const FREQUENCIES: Readonly<Record<string, RegistryScanning['rules'][number]['frequency']>> = {
  CONTINUOUS_SCAN: 'continuous',
  SCAN_ON_PUSH: 'on-push',
};
