import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateClusterCommand,
  ECSClient,
  ListTagsForResourceCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  TagResourceCommand,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll } from '@jest/globals';
import { buildFiles } from '../../enforcement/build/build-files.ts';
import { inVenv } from '../../scripts/setup.mjs';
import { useCloud } from '../support/cloud.ts';
import { doorImage, doorPolicy } from '../support/door-world.ts';

/* The policies of `enforcement:build` for Cloud Custodian, run by it on tasks in the ECS of the embedded cloud. */

const REGION = 'eu-west-1';
const cloud = useCloud();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchwave-custodian-'));
});
afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const clientOf = (account: string) => new ECSClient(cloud().clients(account, REGION));

/** Runs policies as an administrator of an account does. @returns the ARNs of the resources that each policy found */
async function custodian(account: string, name: string, yaml: string): Promise<Readonly<Record<string, string[]>>> {
  const out = join(folder, name);
  await mkdir(out, { recursive: true });
  const file = join(out, 'policies.yaml');
  await writeFile(file, yaml);
  const args = ['run', '--region', REGION, '--output-dir', join(out, 'found'), '--cache-period', '0', file];
  const env = {
    ...process.env,
    ...{ AWS_ENDPOINT_URL: cloud().endpoint, AWS_ACCESS_KEY_ID: account, AWS_SECRET_ACCESS_KEY: 'local' },
    ...{ AWS_DEFAULT_REGION: REGION, AWS_EC2_METADATA_DISABLED: 'true' },
  };
  const child = spawn(inVenv('custodian', 'custodian'), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`custodian ended with code ${code}:\n${output}`);
  const names = [...yaml.matchAll(/^ {2}- name: (\S+)$/gm)].map(([, one = '']) => one);
  const found = names.map(async (one) => {
    const path = join(out, 'found', one, 'resources.json');
    if (!existsSync(path)) throw new Error(`${one} was not run:\n${output}`);
    const resources = JSON.parse(await readFile(path, 'utf8')) as readonly { readonly taskArn?: string }[];
    return [one, resources.map(({ taskArn = '' }) => taskArn)] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

async function runTask(account: string, cluster: string, family: string, images: readonly string[]): Promise<string> {
  const client = clientOf(account);
  await client.send(
    new RegisterTaskDefinitionCommand({
      ...{ family, requiresCompatibilities: ['FARGATE'], networkMode: 'awsvpc', cpu: '256', memory: '512' },
      containerDefinitions: images.map((image, at) => ({ name: `c${at}`, image, essential: true })),
    }),
  );
  const { tasks: [task] = [] } = await client.send(
    new RunTaskCommand({ cluster, taskDefinition: family, launchType: 'FARGATE' }),
  );
  if (task?.taskArn === undefined) throw new Error(`no task of ${family} runs`);
  return task.taskArn;
}

test('a task is marked, and stopped only once its time is over, and only where the policy says so', async () => {
  const account = '444455556666';
  const policy = {
    ...doorPolicy({ mode: 'deny', rules: [{ clusters: ['strict'], mode: 'deny', stopTasks: true }] }),
    approvedRegistries: { id: 'approved-registries', allow: ['111122223333.dkr.ecr.eu-west-1.amazonaws.com/*'] },
  };
  const files = buildFiles(policy, { clusters: [{ account, region: REGION, cluster: 'strict' }], shardCount: 1 });
  const yaml = files.get('ecs/custodian.yaml') ?? '';
  const client = clientOf(account);
  for (const clusterName of ['strict', 'mild']) await client.send(new CreateClusterCommand({ clusterName }));
  const bad = await runTask(account, 'strict', 'bad', ['evil.example/x:1']);
  const good = await runTask(account, 'strict', 'good', [doorImage('good')]);
  const elsewhere = await runTask(account, 'mild', 'bad', ['evil.example/x:1']);

  const running = async (cluster: string) =>
    (await client.send(new ListTasksCommand({ cluster, desiredStatus: 'RUNNING' }))).taskArns ?? [];
  const marks = async (arn: string) =>
    ((await client.send(new ListTagsForResourceCommand({ resourceArn: arn }))).tags ?? []).filter(
      ({ key }) => key === 'patchwave-stop',
    );

  const { 'patchwave-report-1': strict, 'patchwave-report-2': mild } = await custodian(account, 'first', yaml);
  expect([strict, mild]).toEqual([[bad], [elsewhere]]);
  expect(await marks(bad)).toHaveLength(1);
  expect([...(await marks(good)), ...(await marks(elsewhere))]).toEqual([]);
  await custodian(account, 'second', yaml);
  expect((await running('strict')).sort()).toEqual([bad, good].sort());

  const [mark] = await marks(bad);
  const passed = (mark?.value ?? '').replace(/@\S+ \S+/, '@2020/01/01 0000');
  expect(passed).not.toBe(mark?.value);
  await client.send(new TagResourceCommand({ resourceArn: bad, tags: [{ key: 'patchwave-stop', value: passed }] }));
  await custodian(account, 'third', yaml);
  expect(await running('strict')).toEqual([good]);
  expect(await running('mild')).toEqual([elsewhere]);
}, 120_000);
