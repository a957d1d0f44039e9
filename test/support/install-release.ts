/**
 * Installs an earlier release into an embedded cloud, with the tools of that release:
 * `node install-release.ts RELEASE-FOLDER ENDPOINT`. The first line of standard input is JSON with fleet, parameters and doors; the
 * reply is a line with the outputs of the hub's stack. Each further line is a policy, which it applies; the reply is its
 * version. It ends with its standard input.
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { InstallRequest } from './earlier-release.ts';

const [release = '', endpoint = ''] = process.argv.slice(2);
const of = <Module>(file: string): Promise<Module> => import(join(release, file));
const { clientsAt } = await of<typeof import('../../local/cloud.ts')>('local/cloud.ts');
const { CloudAdmin } = await of<typeof import('../../local/cloud/admin-client.ts')>('local/cloud/admin-client.ts');
const { deploy } = await of<typeof import('../../local/deploy.ts')>('local/deploy.ts');
const { deployDoors } = await of<typeof import('../../local/doors.ts')>('local/doors.ts');
const { contextOf } = await of<typeof import('../../cli/context.ts')>('cli/context.ts');
const { policySchema } = await of<typeof import('../../shared/domain/policy/policy.ts')>(
  'shared/domain/policy/policy.ts',
);
const { parse } = await of<typeof import('../../shared/schema.ts')>('shared/schema.ts');

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { fleet, policy, parameters, doors } = JSON.parse((await lines.next()).value ?? '') as InstallRequest;
const cloud = { endpoint, clients: clientsAt(endpoint), admin: new CloudAdmin(endpoint) };
const deployment = await deploy(cloud, fleet, { parameters });
const { policies } = contextOf(deployment, cloud.clients(fleet.hub.account, fleet.hub.region));
const first = parse(policySchema, policy);
await policies.publish(first, { author: 'local', atEpochMs: Date.now() });
if (doors.length > 0)
  await deployDoors({ cloud, fleet, deployment, policy: first } as Parameters<typeof deployDoors>[0], doors);
process.stdout.write(`${JSON.stringify(deployment)}\n`);
for await (const line of lines) {
  const { version: replaces } = await policies.current();
  await policies.publish(parse(policySchema, JSON.parse(line)), { author: 'local', atEpochMs: Date.now(), replaces });
  process.stdout.write(`${JSON.stringify((await policies.current()).version)}\n`);
}
process.exit();
