import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeRepositoriesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { ECSClient, ListClustersCommand } from '@aws-sdk/client-ecs';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { Faults } from '../../local/cloud/admin-types.ts';
import { eventually, makeRepository, probeCloud, pushImage } from '../../local/cloud/probe.ts';
import { receiveEvent, watchEvents } from '../../local/cloud/probe-watch.ts';
import type { ClientConfig, Cloud } from '../../local/cloud.ts';
import { startCloud } from '../../local/cloud.ts';
import { HUB_ACCOUNT, useCloud } from '../support/cloud.ts';

const REGION = 'eu-west-1';

/** The configuration of a session of a role that may do everything. */
async function asRole(cloud: Cloud, roleName: string): Promise<ClientConfig> {
  const config = cloud.clients(HUB_ACCOUNT, REGION);
  const iam = new IAMClient(config);
  const principal = { AWS: `arn:aws:iam::${HUB_ACCOUNT}:root`, Service: 'states.amazonaws.com' };
  const trust = { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' };
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName: roleName,
      AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [trust] }),
    }),
  );
  const all = { Effect: 'Allow', Action: '*', Resource: '*' };
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: roleName,
      PolicyName: 'all',
      PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [all] }),
    }),
  );
  const { Credentials } = await new STSClient(config).send(
    new AssumeRoleCommand({ RoleArn: Role?.Arn, RoleSessionName: 'test' }),
  );
  if (!Credentials?.AccessKeyId || !Credentials.SecretAccessKey) throw new Error('AssumeRole gave no credentials');
  const credentials = {
    accessKeyId: Credentials.AccessKeyId,
    secretAccessKey: Credentials.SecretAccessKey,
    sessionToken: Credentials.SessionToken,
  };
  return { ...config, credentials };
}

describe('the life of a cloud', () => {
  test('it stops once, leaves no folder, and no port answers after that', async () => {
    const cloud = await startCloud({ hubAccount: HUB_ACCOUNT });
    expect(existsSync(cloud.stateDir)).toBe(true);
    await cloud.stop();
    await cloud.stop();
    expect(existsSync(cloud.stateDir)).toBe(false);
    await expect(fetch(cloud.endpoint)).rejects.toThrow();
    expect(() => process.kill(cloud.pid, 0)).toThrow();
  });

  test('it ends and removes its folder when its parent is killed', async () => {
    const starter = fileURLToPath(new URL('../../local/cloud.ts', import.meta.url));
    const program = `
      const { startCloud } = await import(${JSON.stringify(starter)});
      const { pid, stateDir } = await startCloud({ hubAccount: '${HUB_ACCOUNT}' });
      process.stdout.write(JSON.stringify({ pid, stateDir }) + '\\n');
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: parent.stdout }).once('line', resolve),
    );
    const { pid, stateDir } = JSON.parse(line) as { pid: number; stateDir: string };
    parent.kill('SIGKILL');
    await eventually(async () => (existsSync(stateDir) || isAlive(pid) ? undefined : true), 'the end of the cloud');
  }, 20_000);

  test('a kept cloud that is killed leaves its folder to the next start', async () => {
    const { pid, stateDir, release } = await startCloud({ hubAccount: HUB_ACCOUNT });
    release();
    process.kill(pid, 'SIGKILL');
    await eventually(async () => (isAlive(pid) ? undefined : true), 'the end of the cloud');
    expect(existsSync(stateDir)).toBe(true);
    await using next = await startCloud({ hubAccount: HUB_ACCOUNT });
    expect(next.removed).toContain(stateDir);
    expect(existsSync(stateDir)).toBe(false);
  }, 20_000);

  test('a restore that does not exist is refused with the names of those that do', async () => {
    await expect(startCloud({ hubAccount: HUB_ACCOUNT, without: ['no_such'] })).rejects.toThrow(
      /No restore is called no_such. Known: .*ecr_scanning/,
    );
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('calls and faults', () => {
  const cloud = useCloud();
  afterEach(async () => cloud().admin.endFaults());

  test('calls are counted by service, operation and principal', async () => {
    const role = await asRole(cloud(), 'counted');
    await cloud().admin.clearCalls();
    await new ECSClient(role).send(new ListClustersCommand({}));
    await new ECSClient(role).send(new ListClustersCommand({}));
    await new ECSClient(cloud().clients('444455556666', REGION)).send(new ListClustersCommand({}));
    const row = { region: REGION, service: 'ecs', operation: 'ListClusters', throttled: 0, failed: 0, denied: 0 };
    expect(await cloud().admin.calls()).toEqual([
      { ...row, account: HUB_ACCOUNT, principal: 'counted', count: 2 },
      { ...row, account: '444455556666', principal: 'root', count: 1 },
    ]);
  });

  test('calls of a state machine are counted and get faults under its role', async () => {
    await asRole(cloud(), 'workflow');
    const sfn = new SFNClient(cloud().clients(HUB_ACCOUNT, REGION));
    const list = { Type: 'Task', Resource: 'arn:aws:states:::aws-sdk:ecs:listClusters', End: true };
    const { stateMachineArn } = await sfn.send(
      new CreateStateMachineCommand({
        name: 'counted',
        roleArn: `arn:aws:iam::${HUB_ACCOUNT}:role/workflow`,
        definition: JSON.stringify({ StartAt: 'List', States: { List: list } }),
      }),
    );
    const run = async () => {
      const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn }));
      return await eventually(async () => {
        const execution = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        return execution.status === 'RUNNING' ? undefined : execution;
      }, 'the end of the execution');
    };
    await cloud().admin.clearCalls();
    expect((await run()).status).toBe('SUCCEEDED');
    await cloud().admin.setFaults({ seed: 1, throttleRate: 1, operations: ['ListClusters'] });
    expect(await run()).toMatchObject({ status: 'FAILED', error: 'Ecs.ThrottlingException' });
    const rows = await cloud().admin.calls();
    expect(rows.filter((row) => row.operation === 'ListClusters')).toMatchObject([
      { principal: 'workflow', service: 'ecs', count: 2, throttled: 1 },
    ]);
  });

  const clients = (config: ClientConfig) => {
    const one = { ...config, maxAttempts: 1 };
    return {
      ecs: () => new ECSClient(one).send(new ListClustersCommand({})),
      sts: () => new STSClient(one).send(new GetCallerIdentityCommand({})),
      s3: () => new S3Client(one).send(new ListObjectsV2Command({ Bucket: 'faulty' })),
      dynamodb: () => new DynamoDBClient(one).send(new DescribeTableCommand({ TableName: 'faulty' })),
    };
  };

  test('throttling and failures carry the name and status of each protocol', async () => {
    const role = await asRole(cloud(), 'shapes');
    await new S3Client(role).send(new CreateBucketCommand({ Bucket: 'faulty' }));
    const ask = clients(role);
    await cloud().admin.setFaults({ seed: 1, throttleRate: 1 });
    await expect(ask.ecs()).rejects.toMatchObject({ name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } });
    await expect(ask.sts()).rejects.toMatchObject({ name: 'Throttling', $metadata: { httpStatusCode: 400 } });
    await expect(ask.s3()).rejects.toMatchObject({ name: 'SlowDown', $metadata: { httpStatusCode: 503 } });
    await expect(ask.dynamodb()).rejects.toMatchObject({
      name: expect.stringMatching(/^(Throttling|ProvisionedThroughputExceeded)Exception$/),
    });
    await cloud().admin.setFaults({ seed: 1, failureRate: 1 });
    for (const service of Object.values(ask)) {
      await expect(service()).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    }
    // A person's calls, who seeds and looks, are spared.
    await new ECSClient(cloud().clients(HUB_ACCOUNT, REGION)).send(new ListClustersCommand({}));
  });

  test('a reply lost after the call leaves the call executed', async () => {
    const role = await asRole(cloud(), 'after');
    await cloud().admin.setFaults({ seed: 1, failureRate: 1, afterRate: 1, operations: ['CreateBucket'] });
    const s3 = new S3Client({ ...role, maxAttempts: 1 });
    await expect(s3.send(new CreateBucketCommand({ Bucket: 'after' }))).rejects.toMatchObject({
      name: 'InternalError',
    });
    await s3.send(new ListObjectsV2Command({ Bucket: 'after' }));
  });

  test('the same seed fails the same calls, another seed others', async () => {
    const role = await asRole(cloud(), 'seeded');
    const ecr = new ECRClient({ ...role, maxAttempts: 1 });
    const outcomes = async (faults: Faults): Promise<string> => {
      await cloud().admin.setFaults(faults);
      let drawn = '';
      for (let number = 0; number < 40; number += 1) {
        const call = ecr.send(new DescribeRepositoriesCommand({ maxResults: 1 + (number % 4) }));
        drawn += await call.then(() => '.').catch((error: Error) => (error.name === 'ThrottlingException' ? 'T' : 'F'));
      }
      return drawn;
    };
    const first = await outcomes({ seed: 7, throttleRate: 0.3, failureRate: 0.2 });
    expect(first).toMatch(/T/);
    expect(first).toMatch(/F/);
    expect(first).toMatch(/\./);
    expect(await outcomes({ seed: 7, throttleRate: 0.3, failureRate: 0.2 })).toBe(first);
    expect(await outcomes({ seed: 8, throttleRate: 0.3, failureRate: 0.2 })).not.toBe(first);
  });

  test.each([
    { faults: { lost: 1 }, copies: 0 },
    { faults: { doubled: 1, lateMs: 20 }, copies: 2 },
    { faults: { late: 1, lateMs: 20 }, copies: 1 },
  ])('an event of an AWS service arrives $copies times with $faults', async ({ faults, copies }) => {
    const probe = probeCloud(cloud());
    const repository = await makeRepository(probe, 'events');
    const detail = { 'repository-name': [repository] };
    const events = await watchEvents(probe, { source: ['aws.ecr'], detail });
    await cloud().admin.setFaults({ seed: 3, events: faults });
    const image = await pushImage(probe, repository, [{ 'etc/motd': 'one' }], '1');
    await cloud().admin.endFaults();
    for (let copy = 0; copy < copies; copy += 1) {
      expect((await receiveEvent(events)).detail['image-digest']).toBe(image.digest);
    }
    // What follows the faults comes next: no copy is left over.
    await pushImage(probe, repository, [{ 'etc/motd': 'two' }], '2');
    expect((await receiveEvent(events)).detail['image-tag']).toBe('2');
  });

  test('a seed injects the same faults into the events of other images, another seed others', async () => {
    const probe = probeCloud(cloud());
    const repository = await makeRepository(probe, 'seeded-events');
    const injected = async (seed: number, content: string) => {
      const events = { lost: 0.3, doubled: 0.3, late: 0.3, reordered: 0.3, lateMs: 20 };
      await cloud().admin.setFaults({ seed, events });
      for (const tag of ['a', 'b', 'c', 'd', 'e', 'f'])
        await pushImage(probe, repository, [{ 'etc/motd': content }], tag);
      const made = await cloud().admin.eventFaultsMade();
      await cloud().admin.endFaults();
      return made;
    };
    const first = await injected(7, 'one');
    expect(first.map(({ about, count }) => about === repository && count > 0)).not.toContain(false);
    expect(first.length).toBeGreaterThan(0);
    expect(await injected(7, 'two')).toEqual(first);
    expect(await injected(8, 'three')).not.toEqual(first);
  });

  test('a fault that does not exist is refused by name', async () => {
    await expect(cloud().admin.setFaults({ seed: 1, throttleRate: 2 })).rejects.toThrow(/throttleRate must be a share/);
    await expect(cloud().admin.setFaults({ seed: 1, ...{ lost: 1 } })).rejects.toThrow(/lost is no fault/);
  });
});
