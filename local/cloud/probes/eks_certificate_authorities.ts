import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { CreateClusterCommand, DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { PROBE_ACCOUNT, PROBE_REGION, type ProbeCloud } from '../probe.ts';
import { makeOpenRole } from '../probe-kubernetes.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const eks = new EKSClient(cloud.config);
  const name = cloud.unique('cluster');
  const roleArn = await makeOpenRole(cloud.config, 'EksCluster');
  const { cluster: made } = await eks.send(new CreateClusterCommand({ name, roleArn, resourcesVpcConfig: {} }));
  assert.equal(made?.status, 'CREATING');
  assert.equal(made?.endpoint, undefined);
  assert.equal(made?.certificateAuthority, undefined);

  const described = async () => (await eks.send(new DescribeClusterCommand({ name }))).cluster;
  const active = await described();
  assert.equal(active?.status, 'ACTIVE');
  assert.match(active?.endpoint ?? '', /^https:/);
  const pem = Buffer.from(active?.certificateAuthority?.data ?? '', 'base64');
  assert.equal(new X509Certificate(pem).ca, true);

  const place = { account: PROBE_ACCOUNT, region: PROBE_REGION, cluster: name };
  await cloud.admin.changeCluster({ ...place, status: 'CREATING' });
  const creating = await described();
  assert.deepEqual([creating?.endpoint, creating?.certificateAuthority], [undefined, undefined]);
}
