import { randomBytes } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Arguments, Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { FIRST_POLICY, firstPolicy, hasMembers, MEMBER, SAM_CONFIG, samSections, scopeLines } from '../init/files.ts';
import { type NextStep, nextSteps } from '../init/next-steps.ts';
import { changedConfig, type FoundSection, newConfig, sectionIn } from '../init/sam-config.ts';
import { checked, FIELDS, type Field, fieldProblem, type InitSettings } from '../init/settings.ts';
import { writeFiles } from '../init/write-files.ts';
import { print, printJson, printProgress, widthOfTerminal, wrapped } from '../output.ts';
import { installationAt } from '../where.ts';

/** What `init` needs beside its options. */
export interface InitPorts {
  /** The account of the caller's credentials. @throws UsageError if there are none */
  account(region: string | undefined): Promise<string>;
  /** Asks a person; `undefined` without a terminal. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  /** 32 random characters. */
  readonly draw: () => string;
  /** The folder for the files, unless `--directory` names one. */
  readonly folder: string;
}

/** Creates the command over any terminal. */
export const initCommandOf = (connect: () => InitPorts & { readonly close: () => void }): Command => ({
  summary:
    'Writes samconfig.toml and a first policy, and prints the commands that are left. It asks for what no option gives; without a terminal, or with --yes, it takes the defaults.',
  synopsis: '[--organization ID | --members ACCOUNT,...] [--alarm-email ADDRESS] [--yes] [--force]',
  words: [0, 0],
  options: {
    account: { type: 'string' },
    organization: { type: 'string' },
    members: { type: 'string' },
    regions: { type: 'string' },
    'covered-by-stack-set': { type: 'boolean' },
    'external-id': { type: 'string' },
    'alarm-email': { type: 'string' },
    'alarm-topic': { type: 'string' },
    directory: { type: 'string' },
    yes: { type: 'boolean', short: 'y' },
    force: { type: 'boolean' },
  },
  optionHelp: {
    'account ID': 'the account of the hub (default: that of your credentials)',
    'organization ID': 'the hub trusts the accounts of this organization (default: no organization)',
    'members ACCOUNT,...': 'without an organization: the other accounts that the hub trusts (default: none)',
    'regions REGION,...': 'the Regions that reviews read (default: that of the hub)',
    'covered-by-stack-set':
      'with an organization: a StackSet deploys member-account.yaml in the account of the hub too',
    'external-id TEXT': 'what the roles of members ask for (default: 32 random characters)',
    'alarm-email ADDRESS': 'an address that receives every alarm',
    'alarm-topic ARN': 'a topic of yours that receives every alarm',
    'directory DIR': 'the folder for the two files (default: the current one)',
    yes: 'ask nothing',
    force:
      'change the lines of an existing samconfig.toml that init owns; what no option gives stays. A policy is kept',
  },
  async run(_, args) {
    const ports = connect();
    try {
      return await init(args, ports);
    } finally {
      ports.close();
    }
  },
});

async function init(args: Arguments, ports: InitPorts): Promise<number> {
  const { flags, json } = args;
  const folder = textOf(flags.directory) ?? ports.folder;
  const [config = '', policy = ''] = [SAM_CONFIG, FIRST_POLICY].map((name) => join(folder, name));
  const isUpdate = flags.force === true;
  if (!isUpdate) await refuseExisting([config, policy]);
  const before = isUpdate ? await contentOf(config) : undefined;
  const known = before === undefined ? undefined : sectionIn(before, 'default');
  const settings = await settingsOf(args, ports, known);
  const { hub, member } = samSections(settings);
  const needsMember = hasMembers(settings) || (before !== undefined && sectionIn(before, MEMBER) !== undefined);
  const sections = needsMember ? [hub, member] : [hub];
  const content = before === undefined ? newConfig(sections) : changedConfig(before, sections);
  // A policy is a person's from the moment it is written.
  const keepsPolicy = isUpdate && (await isThere(policy));
  const written = [
    ...(keepsPolicy ? [] : [{ path: policy, content: firstPolicy(settings) }]),
    { path: config, content },
  ];
  await writeFiles(written, isUpdate);
  const files = keepsPolicy ? [config] : [config, policy];
  if (keepsPolicy)
    printProgress([`${policy} is kept. For these answers its scopes are:`, ...scopeLines(settings)].join('\n'));
  const steps = nextSteps(settings);
  if (json) printJson({ files, next: steps.map(({ command }) => command) });
  else print([...files.map((file) => `Wrote ${file}`), ...stepLines(steps)].join('\n'));
  return EXIT.done;
}

/** Each command has a line of its own, below what it is for, so that it can be copied from a terminal of any width. */
function stepLines(steps: readonly NextStep[]): readonly string[] {
  const width = widthOfTerminal(process.stdout) ?? Infinity;
  const comment = (text: string): string[] =>
    wrapped(text, width - COMMENT.length, 0).map((line) => `${COMMENT}${line}`);
  return [
    'Run these commands next, in the folder of template.yaml:',
    ...steps.flatMap(({ command, for: reason }) => [...comment(reason), `  ${command}`]),
  ];
}

const COMMENT = '  # ';

/** @returns `undefined` where no file is */
async function contentOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR') return undefined;
    throw new UsageError(`${file} cannot be read, and nothing was written. Its lines would be lost.`, { cause });
  }
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Before any question, so that a person does not answer in vain. */
async function refuseExisting(files: readonly string[]): Promise<void> {
  for (const file of files) {
    if (await isThere(file))
      throw new UsageError(
        `${file} exists, and nothing was written. Add --force to change the settings in samconfig.toml that init owns.`,
      );
  }
}

/** @param known the settings of before; what no option and no person answers stays as it is there */
async function settingsOf(
  { flags, json }: Arguments,
  ports: InitPorts,
  known: FoundSection | undefined,
): Promise<InitSettings> {
  const ask = flags.yes === true || json ? undefined : ports.ask;
  const given = (field: Field): string | undefined => {
    const value = textOf(flags[field.option]);
    if (value === NONE && field.mayBeNone === true) return '';
    return value === undefined ? undefined : checked(value, field);
  };
  const answer = async (field: Field, question: string, fallback: string | undefined): Promise<string> => {
    const value = given(field);
    if (value !== undefined) return value;
    if (ask) return answered(ask, field, question, fallback);
    if (fallback === undefined) throw new UsageError(`Give --${field.option}: it ${fieldProblem('', field)}.`);
    return fallback;
  };
  const before = (name: string, field: Field): string | undefined => {
    const value = known?.parameters.get(name) ?? known?.keys.get(name);
    return value === undefined || fieldProblem(value, field) !== undefined ? undefined : value;
  };
  if (given(FIELDS.organization) && given(FIELDS.members))
    throw new UsageError(
      'Give --organization or --members: the hub trusts an organization, or the accounts of a list.',
    );
  if (given(FIELDS.alarmEmail) && given(FIELDS.alarmTopic))
    throw new UsageError('Give --alarm-email or --alarm-topic, and not both.');

  const isListed = Boolean(given(FIELDS.members));
  const trusted = isListed ? '' : (given(FIELDS.organization) ?? before('OrganizationId', FIELDS.organization) ?? '');
  if (flags['covered-by-stack-set'] === true && trusted === '')
    throw new UsageError('--covered-by-stack-set is for an organization. Give --organization too.');

  const usual = installationAt({ stack: textOf(flags.stack), region: textOf(flags.region) });
  const region = checked(
    await answer(
      FIELDS.region,
      'Region of the hub, where Patchwave runs',
      before('region', FIELDS.region) ?? usual.config.region,
    ),
    FIELDS.region,
  );
  const stack = checked(
    await answer(FIELDS.stack, 'Name of its stack', before('stack_name', FIELDS.stack) ?? usual.stack),
    FIELDS.stack,
  );
  const account = given(FIELDS.account) ?? checked(await ports.account(region), FIELDS.account);
  const organization = isListed
    ? ''
    : await answer(FIELDS.organization, 'Id of the organization whose accounts the hub may read', trusted);
  const members =
    organization === ''
      ? await answer(
          FIELDS.members,
          'Other accounts that the hub may read, with commas between them',
          before('MemberAccountIds', FIELDS.members) ?? '',
        )
      : '';
  const regions = await answer(FIELDS.regions, 'Regions to review, with commas between them', region);
  const alarmTopic =
    given(FIELDS.alarmTopic) ?? (given(FIELDS.alarmEmail) ? '' : (before('AlarmTopicArn', FIELDS.alarmTopic) ?? ''));
  const addressBefore = before('AlarmEmail', FIELDS.alarmEmail) ?? '';
  const alarmEmail =
    alarmTopic === '' ? await answer(FIELDS.alarmEmail, 'Email address for alarms', addressBefore) : '';
  if (alarmEmail === '' && alarmTopic === '')
    printProgress('Without --alarm-email or --alarm-topic alarms notify no person, and doctor says so.');
  const wasCovered =
    known?.parameters.get('OrganizationId') === organization && known.parameters.get('ReadHubAccount') === 'false';
  const isCovered = flags['covered-by-stack-set'] === true || wasCovered;
  return {
    account,
    region,
    stack,
    ...(organization !== '' && { organization }),
    members: [...new Set(members.split(','))].filter((one) => one !== '' && one !== account),
    regions: [...new Set([region, ...regions.split(',')])],
    readsHubAccount: organization === '' || !isCovered,
    externalId: given(FIELDS.externalId) ?? before('ReadRoleExternalId', FIELDS.externalId) ?? ports.draw(),
    ...(alarmEmail !== '' && { alarmEmail }),
    ...(alarmTopic !== '' && { alarmTopic }),
  };
}

/** The answer that removes what was before. The command line takes no empty value. */
const NONE = 'none';

/** Asks until the answer is valid; nothing means the default. */
async function answered(
  ask: (question: string) => Promise<string>,
  field: Field,
  question: string,
  fallback: string | undefined,
): Promise<string> {
  const none = field.mayBeNone === true ? `; or ${NONE}` : '';
  const hint = fallback === undefined ? '' : fallback === '' ? ' (Enter: none)' : ` [${fallback}${none}]`;
  for (;;) {
    const text = (await ask(`${question}${hint}: `)).trim();
    if (text === '' && fallback !== undefined) return fallback;
    if (text === NONE && none !== '') return '';
    const problem = fieldProblem(text, field);
    if (problem === undefined) return text;
    printProgress(`It ${problem}.`);
  }
}

const textOf = (flag: string | boolean | undefined): string | undefined =>
  typeof flag === 'string' ? flag : undefined;

async function callersAccount(region: string | undefined): Promise<string> {
  // Loaded late: with --account no client of AWS is needed.
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  try {
    const client = new STSClient(region === undefined ? {} : { region });
    const { Account } = await client.send(new GetCallerIdentityCommand({}));
    return Account ?? '';
  } catch (cause) {
    throw new UsageError('Your account cannot be read from AWS. Sign in as for the AWS CLI, or give --account.', {
      cause,
    });
  }
}

export const initCommand = initCommandOf(() => {
  const { stdin: input } = process;
  const lines = input.isTTY ? createInterface({ input, output: process.stderr }) : undefined;
  return {
    account: callersAccount,
    ask: lines && ((question: string) => lines.question(question)),
    draw: () => randomBytes(24).toString('base64url'),
    folder: process.cwd(),
    close: () => lines?.close(),
  };
});
