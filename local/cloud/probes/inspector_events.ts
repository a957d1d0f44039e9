import assert from 'node:assert/strict';
import { ECRClient, PutRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import { inspectorFinding, inspectorScan } from '../../../shared/events/inspector.ts';
import { parse } from '../../../shared/schema.ts';
import { debianFiles, makeRepository, type ProbeCloud, pushImage } from '../probe.ts';
import { receiveEvent, watchEvents } from '../probe-watch.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const own = { ...cloud, config: cloud.clients('555566669999', 'eu-west-1') };
  const repository = await makeRepository(own, 'team/heard');
  const repositoryFilters = [{ filter: '*', filterType: 'WILDCARD' as const }];
  const rules = [{ scanFrequency: 'CONTINUOUS_SCAN' as const, repositoryFilters }];
  const ecr = new ECRClient(own.config);
  await ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: 'ENHANCED', rules }));
  await cloud.admin.setVulnerabilities([{ id: 'CVE-2026-1003', package: 'openssl', severity: 'HIGH' }]);
  const scans = await watchEvents(own, { source: ['aws.inspector2'], 'detail-type': ['Inspector2 Scan'] });
  const findings = await watchEvents(own, {
    ...{ source: ['aws.inspector2'], 'detail-type': ['Inspector2 Finding'] },
    resources: [{ prefix: 'arn:aws:ecr:' }],
  });
  const { digest } = await pushImage(own, repository, [debianFiles({ openssl: '3.5.1-1' })], '1');
  const location = { account: '555566669999', region: 'eu-west-1', repository };

  const scan = await receiveEvent(scans);
  assert.deepEqual(scan.resources, [`arn:aws:ecr:eu-west-1:555566669999:repository/${repository}`]);
  assert.deepEqual(scan.detail['finding-severity-counts'], { HIGH: 1, TOTAL: 1 });
  const { digest: scanned, location: where } = parse(inspectorScan.schema, scan);
  assert.deepEqual([scanned, where], [digest, location]);

  const finding = await receiveEvent(findings);
  assert.match(String(finding.detail.updatedAt), /^\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.\d{3} UTC \d{4}$/);
  const read = parse(inspectorFinding.schema, finding);
  assert.deepEqual([read.digest, read.location], [digest, location]);
}
