import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { callersAccess, ecsClients, eksClients, type HubConfig, memberAccess } from '../../shared/adapters/clients.ts';
import { EcsTemplates } from '../../shared/adapters/ecs-templates.ts';
import { EksTemplates } from '../../shared/adapters/eks-templates.ts';
import type { TemplateSource } from '../../shared/ports/templates.ts';
import type { OtherAccounts } from '../command.ts';

const SESSION = 'patchwave-doors-check';

/** Templates of the caller's own account with their own rights, and of other accounts with a role that they may assume. */
export async function awsTemplates(
  config: HubConfig,
  others: OtherAccounts | undefined,
): Promise<readonly TemplateSource[]> {
  const { Account: account = '', Arn = '' } = await new STSClient(config).send(new GetCallerIdentityCommand({}));
  const [, partition = 'aws'] = Arn.split(':');
  const role =
    others &&
    memberAccess(
      {
        ...{ partition, sessionName: SESSION, hub: config, roleName: others.role },
        // A role that asks for none ignores it.
        externalId: others.externalId ?? SESSION,
      },
      others.isOurs,
    );
  const access = callersAccess(config, account, role);
  return [
    new EcsTemplates(ecsClients(access)),
    new EksTemplates({
      clients: eksClients(access),
      credentials: async (one) => access.credentials(one)(),
      clock: Date.now,
    }),
  ];
}
