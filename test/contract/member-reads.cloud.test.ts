import { ECRClient, PutRegistryScanningConfigurationCommand } from '@aws-sdk/client-ecr';
import { DisableRuleCommand, EventBridgeClient, ListRulesCommand } from '@aws-sdk/client-eventbridge';
import { beforeAll, jest } from '@jest/globals';
import { AwsHub } from '../../cli/doctor/aws-hub.ts';
import { AwsMembers } from '../../cli/doctor/aws-members.ts';
import { hubClients } from '../../cli/doctor/connect.ts';
import { type DeployTarget, deploy } from '../../local/deploy.ts';
import { declareOrganization } from '../../local/fleet/organization.ts';
import { useCloud } from '../support/cloud.ts';
import { MEMBERS, memberReadsContract } from './member-reads.contract.ts';

jest.setTimeout(60_000);

const { hub, forwarding, deaf, unreachable } = MEMBERS;
const regions = [forwarding.region, deaf.region];
const target: DeployTarget = {
  hub,
  organization: { id: 'o-a1b2c3d4e5' },
  accounts: [
    { id: hub.account, name: 'hub', regions: [hub.region], memberRole: true, state: 'ACTIVE' },
    { id: forwarding.account, name: 'member', regions, memberRole: true, state: 'ACTIVE' },
    { id: unreachable, name: 'apart', regions: [hub.region], memberRole: false, state: 'ACTIVE' },
  ],
};

const cloud = useCloud();
let members: AwsMembers;
beforeAll(async () => {
  await declareOrganization(cloud().endpoint, target);
  await deploy(cloud(), target);
  const there = cloud().clients(deaf.account, deaf.region);
  await new ECRClient(there).send(
    new PutRegistryScanningConfigurationCommand({
      scanType: 'ENHANCED',
      rules: [{ scanFrequency: 'CONTINUOUS_SCAN', repositoryFilters: [{ filter: 'base/*', filterType: 'WILDCARD' }] }],
    }),
  );
  const events = new EventBridgeClient(there);
  const { Rules = [] } = await events.send(new ListRulesCommand({}));
  for (const { Name } of Rules) await events.send(new DisableRuleCommand({ Name }));
  const config = cloud().clients(hub.account, hub.region);
  const stack = await new AwsHub('patchwave', hubClients(config), Date.now).stack();
  if (!stack) throw new Error('the hub is deployed');
  members = new AwsMembers(config, stack, async () => true);
  await members.begin();
}, 120_000);

memberReadsContract(() => members);
