import assert from 'node:assert/strict';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { ProbeCloud } from '../probe.ts';
import { makeRole } from '../probe-workflows.ts';

/** A role under a path, which may take other roles; returns its ARN. */
async function makeReader(cloud: ProbeCloud, Path: string): Promise<string> {
  const iam = new IAMClient(cloud.config);
  const RoleName = cloud.unique('reader');
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName,
      Path,
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
      }),
    }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      RoleName,
      PolicyName: 'take',
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' }],
      }),
    }),
  );
  assert.ok(Role?.Arn);
  return Role.Arn;
}

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const path = `/${cloud.unique('path')}/`;
  const target = await makeRole(cloud, {
    Principal: { AWS: '*' },
    Condition: { ArnLike: { 'aws:PrincipalArn': `arn:*:iam::*:role${path}*` } },
  });
  const assumeFrom = async (reader: string) => {
    const sts = new STSClient(cloud.config);
    const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: reader, RoleSessionName: 'probe' }));
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken } = Credentials ?? {};
    const credentials = {
      accessKeyId,
      secretAccessKey,
      ...(SessionToken !== undefined && { sessionToken: SessionToken }),
    };
    return await new STSClient({ ...cloud.config, credentials }).send(
      new AssumeRoleCommand({ RoleArn: target, RoleSessionName: 'probe' }),
    );
  };
  assert.ok((await assumeFrom(await makeReader(cloud, path))).Credentials);
  await assert.rejects(assumeFrom(await makeReader(cloud, '/elsewhere/')), { name: 'AccessDenied' });
}
