import assert from 'node:assert/strict';
import { CreateAccessEntryCommand, DescribeAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { makeEksCluster } from '../../kubernetes/eks.ts';
import { PROBE_ACCOUNT, PROBE_REGION, type ProbeCloud } from '../probe.ts';
import { eksToken, makeOpenRole, sessionOf } from '../probe-kubernetes.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const eks = new EKSClient(cloud.config);
  const place = { account: PROBE_ACCOUNT, region: PROBE_REGION };
  const cluster = cloud.unique('cluster');
  await makeEksCluster(cloud, { ...place, cluster });
  const role = cloud.unique('Reader');
  const principalArn = await makeOpenRole(cloud.config, role);
  const entry = { clusterName: cluster, principalArn };
  await eks.send(new CreateAccessEntryCommand({ ...entry, kubernetesGroups: ['readers'] }));
  const { accessEntry } = await eks.send(new DescribeAccessEntryCommand(entry));
  assert.equal(accessEntry?.username, `arn:aws:sts::${PROBE_ACCOUNT}:assumed-role/${role}/{{SessionName}}`);

  const credentials = await sessionOf(cloud.config, principalArn, 'inventory');
  const { tokenReviewUrl } = await cloud.admin.clusterAuthority({ ...place, cluster });
  const response = await fetch(tokenReviewUrl, {
    method: 'POST',
    body: JSON.stringify({ spec: { token: eksToken({ region: PROBE_REGION, cluster, credentials }) } }),
  });
  const { status } = (await response.json()) as { status: { user?: { username?: string; groups?: string[] } } };
  assert.equal(status.user?.username, `arn:aws:sts::${PROBE_ACCOUNT}:assumed-role/${role}/inventory`);
  assert.ok(status.user?.groups?.includes('readers'));
}
