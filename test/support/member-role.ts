import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import type { Cloud } from '../../local/cloud.ts';
import { type MemberAccess, memberAccess } from '../../shared/adapters/clients.ts';
import { grantedTo, member } from '../template/template.ts';
import { HUB_ACCOUNT } from './cloud.ts';
import { HUB_REGION } from './ledger-table.ts';

export const READ_ROLE = 'PatchwaveRead';
const EXTERNAL_ID = 'an-external-id';
/** Creates the read role in an account; `actions` are all it may do, by default what member-account.yaml allows. */
export const createReadRole = (
  cloud: Cloud,
  account: string,
  actions: readonly string[] = grantedTo(member, 'ReadRole'),
): Promise<void> => createRole(cloud, account, READ_ROLE, actions);

/** Creates a role that the hub may take; `actions` are all it may do. */
export async function createRole(
  cloud: Cloud,
  account: string,
  RoleName: string,
  actions: readonly string[],
): Promise<void> {
  const iam = new IAMClient(cloud.clients(account, HUB_REGION));
  await iam.send(
    new CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: policy({
        Principal: { AWS: `arn:aws:iam::${HUB_ACCOUNT}:root` },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': EXTERNAL_ID } },
      }),
    }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      RoleName,
      PolicyName: 'member',
      PolicyDocument: policy({ Action: actions, Resource: '*' }),
    }),
  );
}

/** Access by a role of the members, as the hub has it; every account is ours. */
export function accessOf(cloud: Cloud, roleName = READ_ROLE): MemberAccess {
  const role = {
    roleName,
    externalId: EXTERNAL_ID,
    partition: 'aws',
    sessionName: 'patchwave-test',
    hub: cloud.clients(HUB_ACCOUNT, HUB_REGION),
  };
  return memberAccess(role, async () => true);
}

const policy = (statement: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] });
