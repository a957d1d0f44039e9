import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll } from '@jest/globals';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { type SeededFleet, seedFleet } from '../../local/fleet/seed.ts';
import { NODE, ROOT } from '../../scripts/setup.mjs';
import { ACCOUNT, oneAccount, REGION } from '../support/one-account.ts';
import { assumed } from '../support/operator.ts';

const LIMIT_MS = 300_000;
/** What `sam`, npm and the commands take from the project's folder. */
const PARTS = ['package.json', 'scripts', 'dist', 'template.yaml', 'member-account.yaml', 'statemachines'];

let cloud: Cloud;
let seeded: SeededFleet;
let folder: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  const fleet = await oneAccount();
  cloud = await startCloud({ hubAccount: ACCOUNT });
  seeded = await seedFleet(cloud, fleet);
  folder = await mkdtemp(join(tmpdir(), 'patchwave-readme-'));
  for (const part of PARTS) await symlink(join(ROOT, part), join(folder, part));
  await writeFile(join(folder, 'sam'), `#!/bin/sh\nexec '${NODE}' '${join(ROOT, 'test/support/sam.ts')}' "$@"\n`);
  await chmod(join(folder, 'sam'), 0o755);
  const { credentials } = await administrator();
  environment = {
    ...{ HOME: folder, AWS_ENDPOINT_URL: cloud.endpoint, AWS_REGION: REGION, AWS_EC2_METADATA_DISABLED: 'true' },
    PATH: `${folder}:${process.env.PATH}`,
    AWS_ACCESS_KEY_ID: credentials?.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials?.secretAccessKey,
    AWS_SESSION_TOKEN: credentials?.sessionToken,
  };
}, LIMIT_MS);

afterAll(async () => {
  await cloud?.stop();
  await seeded?.kubernetes?.ended();
  await rm(folder, { recursive: true, force: true });
});

/** A person who may do everything in the account, but is not its root user. */
async function administrator() {
  const root = cloud.clients(ACCOUNT, REGION);
  const iam = new IAMClient(root);
  const principal = { AWS: `arn:aws:iam::${ACCOUNT}:root` };
  const document = (statement: object) => JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  const trust = document({ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' });
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: 'administrator', AssumeRolePolicyDocument: trust }),
  );
  const all = document({ Effect: 'Allow', Action: '*', Resource: '*' });
  await iam.send(new PutRolePolicyCommand({ RoleName: 'administrator', PolicyName: 'all', PolicyDocument: all }));
  return assumed(root, Role?.Arn) as Promise<{
    credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  }>;
}

/** The commands of a block of README.md that follows a text. */
async function linesAfter(text: string): Promise<readonly string[]> {
  const [, after = ''] = (await readFile(join(ROOT, 'README.md'), 'utf8')).split(text);
  const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(after) ?? [];
  return block.split('\n').filter((line) => line !== '');
}

async function typed(line: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('sh', ['-ec', line], { cwd: folder, env: environment });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${line}\n${stdout}${stderr}`, { cause: error });
  }
}

test(
  'the lines of README.md for one account: six commands, and the report has what is at risk',
  async () => {
    const lines = await linesAfter('### One account');
    expect(lines.length).toBeLessThanOrEqual(6);
    const answers: string[] = [];
    for (const line of lines) answers.push(await typed(line));
    const report = answers.at(-1) ?? '';
    expect(report).toContain('apps/storefront');
    expect(report).toContain('CVE-2026-31001');
    expect(report).toContain('exchange-rates');
  },
  LIMIT_MS,
);

test(
  'the line of README.md that checks the installation: nothing is broken',
  async () => {
    const [line = ''] = await linesAfter('### Check the installation');
    expect(line).toContain('doctor');
    const answer = await typed(line);
    expect(answer).toContain('0 broken, 0 unknown');
  },
  LIMIT_MS,
);
