import assert from 'node:assert/strict';
import {
  ECRClient,
  GetAuthorizationTokenCommand,
  PutImageCommand,
  SetRepositoryPolicyCommand,
} from '@aws-sdk/client-ecr';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { RegistryClient } from '../../builds/registry.ts';
import type { ClientConfig } from '../../cloud.ts';
import { makeRepository, OCI_MANIFEST, type ProbeCloud, pushImage } from '../probe.ts';
import { declareOrganization } from '../probe-organization.ts';
import { sessionThatMay } from '../probe-sessions.ts';

const [INSIDE, OUTSIDE] = ['555500000011', '999900000011'];

/** A registry's API as an SDK client's caller uses it. */
async function logIn(cloud: ProbeCloud, config: ClientConfig): Promise<RegistryClient> {
  const { authorizationData } = await new ECRClient(config).send(new GetAuthorizationTokenCommand({}));
  return new RegistryClient(cloud.endpoint, authorizationData?.[0]?.authorizationToken ?? '');
}

/** The role of a session, as `aws:PrincipalArn` has it. */
async function roleOf(config: ClientConfig): Promise<string> {
  const { Arn = '' } = await new STSClient(config).send(new GetCallerIdentityCommand({}));
  const [, account, role] = /::(\d{12}):assumed-role\/([^/]+)/.exec(Arn) ?? [];
  return `arn:aws:iam::${account}:role/${role}`;
}

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const account = cloud.config.credentials.accessKeyId;
  const members = [account, INSIDE].map((id) => ({ id, name: id }));
  await declareOrganization(cloud, { id: 'o-probe00011', accounts: members });
  const repositoryName = await makeRepository(cloud, 'policies');
  const place = { account, region: cloud.config.region, repository: repositoryName };
  const image = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'hello' }], '1');
  const builder = await sessionThatMay(cloud, [{ Action: 'ecr:*', Resource: '*' }]);
  const other = await sessionThatMay(cloud, [{ Action: 'ecr:*', Resource: '*' }]);
  const reader = await sessionThatMay(cloud, [
    { Action: ['ecr:GetAuthorizationToken', 'ecr:BatchGetImage'], Resource: '*' },
  ]);
  const mine = await roleOf(builder);
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        ...{ Effect: 'Allow', Principal: '*', Action: 'ecr:BatchGetImage' },
        Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-probe00011' } },
      },
      {
        ...{ Effect: 'Deny', Principal: '*', Action: ['ecr:InitiateLayerUpload', 'ecr:PutImage'] },
        Condition: { ArnNotLike: { 'aws:PrincipalArn': mine } },
      },
    ],
  };
  const ecr = new ECRClient(cloud.config);
  await ecr.send(new SetRepositoryPolicyCommand({ repositoryName, policyText: JSON.stringify(policy) }));

  const pull = async (config: ClientConfig) => (await logIn(cloud, config)).pullManifest(place, '1');
  assert.equal((await pull(cloud.clients(INSIDE, cloud.config.region))).digest, image.digest);
  assert.equal((await pull(reader)).digest, image.digest);
  await assert.rejects(pull(cloud.clients(OUTSIDE, cloud.config.region)), /403.*DENIED.*ecr:BatchGetImage/);
  await assert.rejects((await logIn(cloud, reader)).pullBlob(place, image.configDigest), /403.*DENIED/);
  await assert.rejects(new RegistryClient(cloud.endpoint, 'QVdTOm5vdGhpbmc=').pullManifest(place, '1'), /401/);

  const manifest = { digest: image.digest, mediaType: OCI_MANIFEST, bytes: Buffer.from(image.manifest) };
  const blob = {
    digest: 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
    bytes: Buffer.from('hello'),
  };
  const push = async (config: ClientConfig, tag: string) => {
    const registry = await logIn(cloud, config);
    await registry.pushBlob(place, blob);
    await registry.pushManifest(place, tag, manifest);
  };
  await push(builder, '2');
  await assert.rejects(push(other, '3'), /403.*DENIED.*ecr:InitiateLayerUpload.*explicit deny/);
  await assert.rejects((await logIn(cloud, other)).pushManifest(place, '3', manifest), /403.*DENIED.*ecr:PutImage/);
  // The deny also binds the root user of the account, over both APIs.
  await assert.rejects(push(cloud.config, '3'), /403.*DENIED/);
  const put = new PutImageCommand({ repositoryName, imageManifest: image.manifest, imageTag: '3' });
  await assert.rejects(ecr.send(put), { name: 'AccessDeniedException' });
}
