import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { type InitPorts, initCommand, initCommandOf } from '../../../cli/commands/init.ts';
import { UsageError } from '../../../cli/errors.ts';
import { FIELDS, type Field, fieldProblem } from '../../../cli/init/settings.ts';
import { parsePolicy } from '../../../shared/domain/policy/policy-document.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { PLACES } from '../../support/partitions.ts';
import { fc } from '../../support/seeded.ts';
import { hub, objectOf, textOf } from '../../template/template.ts';
import { cliContext, onTerminal, run } from './support.ts';

const ACCOUNT = '111122223333';
const DRAWN = 'drawn-for-this-test';
const REGION = { region: 'eu-west-1' } as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchwave-init-'));
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const init = (flags: Readonly<Record<string, string | boolean>>, ports: Partial<InitPorts> = {}) => {
  const command = initCommandOf(() => ({
    ...{ account: async () => ACCOUNT, ask: undefined, draw: () => DRAWN, folder, close: () => undefined },
    ...ports,
  }));
  return run(command, cliContext(fakeWorld()), [], flags);
};
const fileOf = (name: string) => readFile(join(folder, name), 'utf8');

/** Answers by what is asked, each once. */
function person(answers: readonly (readonly [RegExp, ...string[]])[]) {
  const left = answers.map(([question, ...texts]) => ({ question, texts: [...texts] }));
  return async (question: string) => left.find((one) => one.question.test(question))?.texts.shift() ?? '';
}

test('one account without an organization: the hub trusts itself, and the policy reads it', async () => {
  const { code, text } = await init({ ...REGION, 'alarm-email': 'on-call@example.com' });
  expect(code).toBe(0);
  const config = await fileOf('samconfig.toml');
  expect(config).toContain('stack_name = "patchwave"\nregion = "eu-west-1"');
  expect(config).toContain('capabilities = "CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"');
  expect(config).toContain(
    String.raw`parameter_overrides = "OrganizationId=\"\" MemberAccountIds=\"\" ReadHubAccount=\"true\" ReadRoleExternalId=\"${DRAWN}\" AlarmEmail=\"on-call@example.com\" AlarmTopicArn=\"\""`,
  );
  expect(config).not.toContain('[member');
  const policy = parsePolicy(await fileOf('my-policy.yaml'));
  expect(policy).toMatchObject({
    mode: 'report-only',
    scopes: [{ account: ACCOUNT, regions: ['eu-west-1'] }],
    streams: [],
  });
  expect(text.match(/^ {2}[^\s#].*/gm)?.map((line) => line.trim())).toEqual([
    'npm run build',
    'sam deploy',
    'npm run patchwave -- policy apply my-policy.yaml',
    'npm run patchwave -- review --wait',
    'npm run patchwave -- report',
  ]);
});

test('a file that somebody makes while a person answers is not replaced', async () => {
  const ask = async () => {
    await writeFile(join(folder, 'samconfig.toml'), 'theirs');
    return '';
  };
  await expect(init(REGION, { ask })).rejects.toThrow(UsageError);
  expect(await fileOf('samconfig.toml')).toBe('theirs');
});

test('a second file that somebody makes meanwhile is kept, and the first is not written either', async () => {
  const ask = async () => {
    await writeFile(join(folder, 'my-policy.yaml'), 'theirs');
    return '';
  };
  await expect(init(REGION, { ask })).rejects.toThrow(/my-policy.yaml cannot be written: it exists. Nothing was/);
  expect(await readdir(folder)).toEqual(['my-policy.yaml']);
  expect(await fileOf('my-policy.yaml')).toBe('theirs');
});

test('with --force too: if the settings cannot be replaced, no policy is written', async () => {
  await mkdir(join(folder, 'samconfig.toml'));
  await expect(init({ ...REGION, force: true })).rejects.toThrow(/samconfig.toml .* is no plain file. Nothing was/);
  expect(await readdir(folder)).toEqual(['samconfig.toml']);
});

test('no line is wider than the terminal, and each command is whole', async () => {
  const members = '444455556666,777788889999';
  const { text } = await onTerminal(60, () => init({ ...REGION, members, regions: 'us-east-1,ap-south-1', yes: true }));
  const lines = text.split('\n').filter((line) => !line.startsWith('Wrote '));
  expect(lines.filter((line) => line.length > 60)).toEqual([]);
  expect(lines).toContain('  sam deploy --config-env member --region us-east-1');
});

test('only the owner may read the file with the external id', async () => {
  await init(REGION);
  expect((await stat(join(folder, 'samconfig.toml'))).mode & 0o077).toBe(0);
});

test('that stays so for a file that everybody could read and that is replaced', async () => {
  await writeFile(join(folder, 'samconfig.toml'), '# theirs\n'.repeat(100), { mode: 0o644 });
  await init({ ...REGION, force: true });
  expect((await stat(join(folder, 'samconfig.toml'))).mode & 0o077).toBe(0);
  expect(await fileOf('samconfig.toml')).toContain('# theirs');
});

test('other accounts and Regions: the hub lists them, they get a section of their own, and the commands name each', async () => {
  const { text } = await init({ ...REGION, members: `444455556666,${ACCOUNT}`, regions: 'us-east-1' });
  const config = await fileOf('samconfig.toml');
  expect(config).toContain(String.raw`MemberAccountIds=\"444455556666\"`);
  const [, member = ''] = config.split('[member.deploy.parameters]');
  expect(member).toContain('template_file = "member-account.yaml"');
  expect(member).toContain(String.raw`HubBusArn=\"arn:aws:events:eu-west-1:${ACCOUNT}:event-bus/patchwave\"`);
  expect(member).toContain(String.raw`ReadRoleExternalId=\"${DRAWN}\" HomeRegion=\"eu-west-1\"`);
  expect(parsePolicy(await fileOf('my-policy.yaml')).scopes).toEqual(
    [ACCOUNT, '444455556666'].map((account) => ({ account, regions: ['eu-west-1', 'us-east-1'] })),
  );
  expect(text).toMatch(/# with the credentials of account 444455556666.*\n +sam deploy --config-env member\n/);
  expect(text).toMatch(/# the events of account 111122223333.*\n +sam deploy --config-env member --region us-east-1\n/);
});

test('an organization: the policy reviews all of it, and a StackSet may bring the roles of the hub', async () => {
  await init({ ...REGION, organization: 'o-a1b2c3d4e5', 'covered-by-stack-set': true });
  const config = await fileOf('samconfig.toml');
  expect(config).toContain(
    String.raw`parameter_overrides = "OrganizationId=\"o-a1b2c3d4e5\" MemberAccountIds=\"\" ReadHubAccount=\"false\" `,
  );
  expect(parsePolicy(await fileOf('my-policy.yaml')).scopes).toBe('organization');
});

test('on a terminal it asks for what no option gives, and again after an answer that the template refuses', async () => {
  const asked: string[] = [];
  const answer = person([
    [/Region of the hub/, 'Ireland', 'eu-west-1'],
    [/organization/, ''],
    [/Other accounts/, '444455556666'],
    [/alarms/, 'nobody', 'on-call@example.com'],
  ]);
  await init(
    { stack: 'pw' },
    {
      ask: (question) => {
        asked.push(question);
        return answer(question);
      },
    },
  );
  expect(asked.filter((question) => /Region of the hub|address/.test(question))).toHaveLength(4);
  expect(asked).toContain('Other accounts that the hub may read, with commas between them (Enter: none): ');
  expect(asked.filter((question) => question.length > 80)).toEqual([]);
  expect(asked.some((question) => question.startsWith('Name of its stack'))).toBe(false);
  expect(await fileOf('samconfig.toml')).toContain('stack_name = "pw"');
});

test.each(['samconfig.toml', 'my-policy.yaml'])(
  '%s that exists is kept, and nothing is written or asked',
  async (name) => {
    await init({ ...REGION, 'external-id': 'of-before' });
    const before = [await fileOf('samconfig.toml'), await fileOf('my-policy.yaml')];
    const other = name === 'samconfig.toml' ? 'my-policy.yaml' : 'samconfig.toml';
    await rm(join(folder, other));
    const ask = async () => {
      throw new Error('asked in vain');
    };
    await expect(init(REGION, { ask })).rejects.toThrow(/exists, and nothing was written. Add --force/);
    expect(await readdir(folder)).toEqual([name]);
    expect(before).toContain(await fileOf(name));
    await init({ ...REGION, force: true, 'external-id': 'given-by-a-person' });
    expect(await fileOf('samconfig.toml')).toContain('given-by-a-person');
  },
);

test.each([
  [{ region: 'x' }, /--region is "x"/],
  [{ ...REGION, account: '12' }, /--account is "12"/],
  [{ ...REGION, members: '444455556666;' }, /--members is/],
  [{ ...REGION, organization: 'o-1' }, /--organization is/],
  [{ ...REGION, organization: 'o-a1b2c3d4e5', members: ACCOUNT }, /--organization or --members/],
  [{ ...REGION, 'external-id': 'a"b" Tracing="on"' }, /--external-id is/],
  [{ ...REGION, 'alarm-email': 'a@b" Tracing="on' }, /--alarm-email is/],
  [{ ...REGION, 'alarm-email': `${'a'.repeat(250)}@b.example` }, /at most 254 characters/],
  [{ ...REGION, 'alarm-email': 'a@b.example', 'alarm-topic': 'arn:aws:sns:eu-west-1:111122223333:t' }, /not both/],
  [{ ...REGION, 'covered-by-stack-set': true }, /is for an organization/],
  [{ ...REGION, directory: 'no/such/folder' }, /its folder does not exist/],
])('%j is refused, and nothing is written', async (flags, message) => {
  await expect(init(flags)).rejects.toThrow(UsageError);
  await expect(init(flags)).rejects.toThrow(message);
  expect(await readdir(folder)).toEqual([]);
});

test('--json asks nothing and prints the files and the commands that are left', async () => {
  const { text } = await init({ ...REGION, json: true }, { ask: () => Promise.reject(new Error('asked')) });
  const { files, next } = JSON.parse(text) as { files: string[]; next: string[] };
  expect(files).toEqual([join(folder, 'samconfig.toml'), join(folder, 'my-policy.yaml')]);
  expect(next).toContain('sam deploy');
});

test('two external ids differ, and the template takes each', async () => {
  const ids: string[] = [];
  for (const name of ['one', 'other']) {
    const directory = join(folder, name);
    await mkdir(directory);
    await run(initCommand, cliContext(fakeWorld()), [], { ...REGION, account: ACCOUNT, yes: true, directory });
    const config = await readFile(join(directory, 'samconfig.toml'), 'utf8');
    ids.push(/ReadRoleExternalId=\\"([^\\]+)/.exec(config)?.[1] ?? '');
  }
  expect(new Set(ids).size).toBe(2);
  expect(ids.map((id) => fieldProblem(id, FIELDS.externalId))).toEqual([undefined, undefined]);
});

/** What init takes for a parameter, and the parameter. */
const TAKEN: readonly (readonly [Field, string])[] = [
  [FIELDS.organization, 'OrganizationId'],
  [FIELDS.members, 'MemberAccountIds'],
  [FIELDS.externalId, 'ReadRoleExternalId'],
  [FIELDS.alarmEmail, 'AlarmEmail'],
  [FIELDS.alarmTopic, 'AlarmTopicArn'],
];

test('init takes no longer address for alarms than the template', () => {
  expect(objectOf(objectOf(hub.json.Parameters).AlarmEmail).MaxLength).toBe(FIELDS.alarmEmail.most);
});

test.each(TAKEN)('what init takes for --$option the template takes too, and no quote is in it', (field, parameter) => {
  const pattern = new RegExp(textOf(objectOf(objectOf(hub.json.Parameters)[parameter]).AllowedPattern));
  fc.assert(
    fc.property(fc.stringMatching(field.pattern), (value) => {
      expect(pattern.test(value)).toBe(true);
      expect(value).not.toMatch(/["\\\n]/);
    }),
  );
});

test.each(PLACES)('members in %s send events to a bus in the partition %s', async (region, partition) => {
  await init({ region, members: '444455556666' });
  expect(await fileOf('samconfig.toml')).toContain(`arn:${partition}:events:${region}:`);
  expect(parsePolicy(await fileOf('my-policy.yaml')).scopes).toMatchObject([{ regions: [region] }, {}]);
});

test('with --force the external id, which members may know, is kept unless another one is given', async () => {
  await init({ ...REGION, members: '444455556666' });
  const idsIn = async () =>
    [...(await fileOf('samconfig.toml')).matchAll(/ExternalId=\\"([^"\\]+)/g)].map(([, id]) => id);
  await init({ ...REGION, force: true, members: '444455556666' }, { draw: () => 'another-drawn-text' });
  expect(await idsIn()).toEqual([DRAWN, DRAWN]);
  await init({ ...REGION, force: true, 'external-id': 'given-by-a-person' });
  expect(await idsIn()).toEqual(['given-by-a-person', 'given-by-a-person']);
  await writeFile(
    join(folder, 'samconfig.toml'),
    '[default.deploy.parameters]\nparameter_overrides = "ReadRoleExternalId=\\"x\\""\n',
  );
  await init({ ...REGION, force: true });
  expect(await idsIn()).toEqual([DRAWN]);
});

describe('a file that a person has edited', () => {
  const EDITED = [
    '# ours: reviewed by the platform team',
    'version=0.1',
    '[default.global.parameters]',
    'profile = "hub"',
    '',
    '  [default.deploy.parameters]  # hub',
    '  stack_name="pw" # short',
    'region = "eu-west-1"',
    's3_bucket = "ours"',
    String.raw`parameter_overrides = "Tracing=\"on\"   MemberAccountIds=\"444455556666,777788889999\" ReadRoleExternalId=of-our-own  LogRetention=30" # wide`,
    'tags = "Note=\\"MemberAccountIds=x\\""',
    '',
    '[test.deploy.parameters]',
    'region = "us-east-1"',
    '',
  ];
  const edited = async (lineEnd = '\n') => {
    await writeFile(join(folder, 'samconfig.toml'), EDITED.join(lineEnd));
    await writeFile(join(folder, 'my-policy.yaml'), '# a policy that a person has edited\n');
  };
  const hubSection = async () => (await fileOf('samconfig.toml')).split(/\r?\n/).slice(0, EDITED.length - 1);

  test.each(['\n', '\r\n'])('one answer changes its text alone, with the line end %j', async (lineEnd) => {
    await edited(lineEnd);
    await init({ force: true, members: '444455556666' });
    const lines = await hubSection();
    expect(lines.filter((line, index) => line !== EDITED[index])).toEqual([
      String.raw`parameter_overrides = "Tracing=\"on\"   MemberAccountIds=\"444455556666\" ReadRoleExternalId=of-our-own  LogRetention=30 OrganizationId=\"\" ReadHubAccount=\"true\" AlarmEmail=\"\" AlarmTopicArn=\"\"" # wide`,
    ]);
    expect((await fileOf('samconfig.toml')).startsWith(EDITED.slice(0, 9).join(lineEnd))).toBe(true);
    expect(await fileOf('my-policy.yaml')).toBe('# a policy that a person has edited\n');
  });

  test('the same answers once more leave every byte', async () => {
    await edited();
    await init({ force: true, 'alarm-email': 'on-call@example.com' });
    const once = await fileOf('samconfig.toml');
    await init({ force: true });
    expect(await fileOf('samconfig.toml')).toBe(once);
  });

  test('an account that is taken out is in no parameter: from a list to an organization, to one account, and back', async () => {
    await edited();
    const trusted = async () =>
      [...(await fileOf('samconfig.toml')).matchAll(/(OrganizationId|MemberAccountIds)=\\"([^"\\]*)/g)].map(
        ([, name, value]) => `${name}=${value}`,
      );
    await init({ force: true, organization: 'o-a1b2c3d4e5' });
    expect(await trusted()).toEqual([
      'MemberAccountIds=',
      'OrganizationId=o-a1b2c3d4e5',
      'OrganizationId=o-a1b2c3d4e5',
    ]);
    await init({ force: true, organization: 'none' });
    expect(await trusted()).toEqual(['MemberAccountIds=', 'OrganizationId=', 'OrganizationId=']);
    await init({ force: true, members: '777788889999' });
    expect(await trusted()).toEqual(['MemberAccountIds=777788889999', 'OrganizationId=', 'OrganizationId=']);
    await init({ force: true, members: 'none' });
    expect(await trusted()).toEqual(['MemberAccountIds=', 'OrganizationId=', 'OrganizationId=']);
  });

  test('an address for alarms gives way to a topic', async () => {
    await edited();
    await init({ force: true, 'alarm-email': 'on-call@example.com' });
    await init({ force: true, 'alarm-topic': 'arn:aws:sns:eu-west-1:111122223333:t' });
    expect(await fileOf('samconfig.toml')).toMatch(/AlarmEmail=\\"\\" AlarmTopicArn=\\"arn:aws:sns/);
  });

  test('on a terminal Enter keeps each answer, and none removes it', async () => {
    await edited();
    const asked: string[] = [];
    const ask = async (question: string) => {
      asked.push(question);
      return question.startsWith('Other accounts') ? 'none' : '';
    };
    await init({ force: true }, { ask });
    expect(asked).toContain('Name of its stack [pw]: ');
    expect(asked.find((question) => question.startsWith('Other'))).toContain('[444455556666,777788889999; or none]');
    expect(await fileOf('samconfig.toml')).toMatch(/MemberAccountIds=\\"\\"/);
  });

  test.each([
    ['a list', 'parameter_overrides = ["Tracing=on"]'],
    ['a text of several lines', 'parameter_overrides = """\nTracing=on"""'],
    ['the longer form', 'parameter_overrides = "ParameterKey=Tracing,ParameterValue=on"'],
    ['no form of SAM', 'parameter_overrides = "Tracing"'],
  ])('parameters in %s are refused, and the file stays', async (_, line) => {
    const file = `version = 0.1\n[default.deploy.parameters]\n${line}\n`;
    await writeFile(join(folder, 'samconfig.toml'), file);
    await expect(init({ ...REGION, force: true })).rejects.toThrow(/cannot change, and nothing was written/);
    expect(await fileOf('samconfig.toml')).toBe(file);
    expect(await readdir(folder)).toEqual(['samconfig.toml']);
  });
});
