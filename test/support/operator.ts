/** A person who may do what docs/commands.md says of commands, and nothing else. */

import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { Installation } from '../../local/installation.ts';
import type { HubConfig } from '../../shared/adapters/clients.ts';
import { documentedActions } from './documented-actions.ts';
import { hubOf } from './readings.ts';

/**
 * Makes a role in the hub with the documented actions of some commands, and takes it.
 * @param RoleName what the role is called
 * @param commands as docs/commands.md names them
 */
export async function operatorOf(
  installation: Installation,
  RoleName: string,
  commands: readonly string[],
): Promise<HubConfig> {
  const hub = hubOf(installation);
  const iam = new IAMClient(hub);
  const principal = `arn:aws:iam::${installation.fleet.hub.account}:root`;
  const trust = { Effect: 'Allow', Principal: { AWS: principal }, Action: 'sts:AssumeRole' };
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
    }),
  );
  // The embedded cloud asks for the list where AWS asks for the one mapping.
  const Action = [
    ...['cloudformation:DescribeStacks', 'lambda:ListEventSourceMappings'],
    ...commands.flatMap((command) => documentedActions(command)),
  ];
  const allow = { Effect: 'Allow', Action, Resource: '*' };
  await iam.send(
    new PutRolePolicyCommand({
      ...{ RoleName, PolicyName: 'commands' },
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [allow] }),
    }),
  );
  return assumed(hub, Role?.Arn);
}

/** The same place, with the credentials of a role. */
export async function assumed(from: HubConfig, RoleArn: string | undefined): Promise<HubConfig> {
  const { Credentials } = await new STSClient(from).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'jo' }));
  const {
    AccessKeyId: accessKeyId = '',
    SecretAccessKey: secretAccessKey = '',
    SessionToken: sessionToken,
  } = Credentials ?? {};
  const credentials = { accessKeyId, secretAccessKey, sessionToken };
  return { ...from, credentials };
}
