import assert from 'node:assert/strict';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import {
  CreatePolicyCommand,
  CreateRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { createStack } from '../../stack.ts';
import type { ProbeCloud } from '../probe.ts';

const tooLong = { name: 'LimitExceededException' };

/** A policy with about as many characters between its parts. White space does not count, so it has a lot. */
const documentOf = (statement: object, characters: number, spaces = 4): string =>
  JSON.stringify(
    {
      Version: '2012-10-17',
      Statement: [{ Sid: 'x'.repeat(characters), Effect: 'Allow', ...statement }],
    },
    undefined,
    spaces,
  );

const trust = { Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
const rights = { Action: 's3:GetObject', Resource: '*' };

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const iam = new IAMClient(cloud.config);
  const RoleName = cloud.unique('role');
  const trusting = (characters: number) =>
    new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: documentOf(trust, characters) });
  const inline = (PolicyName: string, characters: number) =>
    new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: documentOf(rights, characters) });

  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: documentOf(trust, 1_800) }));
  await iam.send(trusting(1_850));
  await assert.rejects(iam.send(trusting(2_000)), tooLong);
  await assert.rejects(
    iam.send(
      new CreateRoleCommand({
        RoleName: cloud.unique('role'),
        AssumeRolePolicyDocument: documentOf(trust, 2_000),
      }),
    ),
    tooLong,
  );

  await iam.send(inline('one', 6_000));
  await iam.send(inline('one', 9_000)); // replaces itself
  await assert.rejects(iam.send(inline('two', 1_200)), tooLong);

  const managed = (characters: number) =>
    new CreatePolicyCommand({ PolicyName: cloud.unique('policy'), PolicyDocument: documentOf(rights, characters) });
  await iam.send(managed(5_900));
  await assert.rejects(iam.send(managed(6_200)), tooLong);

  const body = JSON.stringify({
    Resources: {
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: { AssumeRolePolicyDocument: JSON.parse(documentOf(trust, 2_000)) },
      },
    },
  });
  const stack = createStack(new CloudFormationClient(cloud.config), {
    name: cloud.unique('too-long'),
    template: { body },
    parameters: {},
  });
  await assert.rejects(stack, /ACLSizePerRole: 2048/);
}
