import assert from 'node:assert/strict';
import {
  CreateAccessEntryCommand,
  EKSClient,
  ListClustersCommand,
  paginateListAccessEntries,
  paginateListClusters,
} from '@aws-sdk/client-eks';
import { makeEksCluster } from '../../kubernetes/eks.ts';
import { PROBE_ACCOUNT, PROBE_REGION, type ProbeCloud } from '../probe.ts';
import { makeOpenRole } from '../probe-kubernetes.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const client = new EKSClient(cloud.config);
  const made = [1, 2, 3].map(() => cloud.unique('cluster'));
  for (const name of made) await makeEksCluster(cloud, { account: PROBE_ACCOUNT, region: PROBE_REGION, cluster: name });
  const listed: string[] = [];
  for await (const page of paginateListClusters({ client, pageSize: 2 }, {})) {
    assert.ok((page.clusters ?? []).length <= 2);
    listed.push(...(page.clusters ?? []));
  }
  assert.deepEqual(
    made.filter((name) => !listed.includes(name)),
    [],
  );
  assert.equal(new Set(listed).size, listed.length);

  const [clusterName] = made;
  const principals = [];
  for (const word of ['A', 'B', 'C']) {
    const principalArn = await makeOpenRole(cloud.config, cloud.unique(word));
    principals.push(principalArn);
    await client.send(new CreateAccessEntryCommand({ clusterName, principalArn }));
  }
  const entries: string[] = [];
  for await (const page of paginateListAccessEntries({ client, pageSize: 1 }, { clusterName })) {
    entries.push(...(page.accessEntries ?? []));
  }
  assert.deepEqual(entries.sort(), principals.sort());
  await assert.rejects(client.send(new ListClustersCommand({ nextToken: 'junk' })), {
    name: 'InvalidParameterException',
  });
}
