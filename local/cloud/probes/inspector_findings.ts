import assert from 'node:assert/strict';
import { ECRClient, PutRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import { type Finding, Inspector2Client, paginateListFindings } from '@aws-sdk/client-inspector2';
import { debianFiles, eventually, makeRepository, type ProbeCloud, pushImage } from '../probe.ts';

const equals = (value: string) => ({ comparison: 'EQUALS' as const, value });

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const config = cloud.clients('555566668888', 'eu-west-1');
  const own = { ...cloud, config };
  const [ecr, inspector] = [new ECRClient(config), new Inspector2Client(config)];
  const repository = await makeRepository(own, 'team/found');
  const repositoryFilters = [{ filter: '*', filterType: 'WILDCARD' as const }];
  const rules = [{ scanFrequency: 'CONTINUOUS_SCAN' as const, repositoryFilters }];
  await ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: 'ENHANCED', rules }));
  const openssl = { package: 'openssl', severity: 'HIGH' } as const;
  await cloud.admin.setVulnerabilities([{ id: 'CVE-2026-1001', ...openssl, fixedIn: '3.5.1-2' }]);
  const image = await pushImage(
    own,
    repository,
    [debianFiles({ bash: '5.2' }), debianFiles({ bash: '5.2', openssl: '3.5.1-1' })],
    '1',
  );
  const clean = await pushImage(own, repository, [debianFiles({ bash: '5.2' })], 'clean');

  const findings = async (digests: readonly string[]): Promise<readonly Finding[]> => {
    const filterCriteria = { ecrImageHash: digests.map(equals), findingStatus: [equals('ACTIVE')] };
    const pages = paginateListFindings({ client: inspector, pageSize: 1 }, { filterCriteria });
    return (await Array.fromAsync(pages)).flatMap((page) => page.findings ?? []);
  };
  const [found] = await eventually(async () => {
    const all = await findings([image.digest, clean.digest]);
    return all.length > 0 ? all : undefined;
  }, 'a finding of Amazon Inspector');
  const [first, second] = image.layerDigests;
  assert.notEqual(first, second);
  assert.deepEqual(found?.packageVulnerabilityDetails?.vulnerablePackages, [
    {
      ...{ name: 'openssl', version: '3.5.1-1', packageManager: 'OS' },
      ...{ fixedInVersion: '3.5.1-2', sourceLayerHash: second },
    },
  ]);
  assert.equal(found?.fixAvailable, 'YES');
  assert.equal(typeof found?.epss?.score, 'number');
  assert.equal(found?.resources?.[0]?.id?.endsWith(`${repository}/${image.digest}`), true);

  // A new vulnerability is found without another push.
  await cloud.admin.setVulnerabilities([
    { id: 'CVE-2026-1001', ...openssl, fixedIn: '3.5.1-2' },
    { id: 'CVE-2026-1002', ...openssl },
  ]);
  const both = await findings([image.digest]);
  assert.deepEqual(both.map(({ fixAvailable }) => fixAvailable).sort(), ['NO', 'YES']);
  assert.deepEqual(await findings([clean.digest]), []);
}
