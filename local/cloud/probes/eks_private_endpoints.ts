import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { CreateClusterCommand, DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { PROBE_ACCOUNT, PROBE_REGION, type ProbeCloud } from '../probe.ts';
import { makeOpenRole } from '../probe-kubernetes.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    assert.equal(await takesConnection(cloud, server.address() as AddressInfo, true), true);
    assert.equal(await takesConnection(cloud, server.address() as AddressInfo, false), false);
  } finally {
    server.close();
  }
}

/** Whether the endpoint of a new cluster, behind which a server listens, takes a connection from here: outside of its VPC. */
async function takesConnection(
  cloud: ProbeCloud,
  { port }: AddressInfo,
  endpointPublicAccess: boolean,
): Promise<boolean> {
  const eks = new EKSClient(cloud.config);
  const name = cloud.unique('cluster');
  const roleArn = await makeOpenRole(cloud.config, 'EksCluster');
  const resourcesVpcConfig = { endpointPublicAccess, endpointPrivateAccess: true };
  await eks.send(new CreateClusterCommand({ name, roleArn, resourcesVpcConfig }));
  const place = { account: PROBE_ACCOUNT, region: PROBE_REGION, cluster: name };
  await cloud.admin.changeCluster({ ...place, endpoint: `https://127.0.0.1:${port}` });
  const { cluster } = await eks.send(new DescribeClusterCommand({ name }));
  const { hostname, port: seen } = new URL(cluster?.endpoint ?? '');
  const socket = connect(Number(seen), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
