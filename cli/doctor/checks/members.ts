import { counted } from '../../../shared/domain/common/counted.ts';
import { registryKey } from '../../../shared/domain/image/image.ts';
import { fitsFilter } from '../../../shared/domain/scan/registry-scanning.ts';
import { broken, type CheckFinding, type CheckName, orOk, unknown } from '../finding.ts';
import type {
  AccountDescription,
  MembersDescription,
  PlaceDescription,
  RoleDescription,
  StackDescription,
} from '../installation.ts';
import { type DoctorReading, unread } from '../reading.ts';
import { trustProblem } from './trust.ts';

const MOST_NAMED = 5;
/** Tag with the version of member-account.yaml. */
const VERSION_TAG = 'patchwave-version';

/** Checks that the read role of each account can be assumed and has the command's version. */
export function checkReadRoles(
  stack: StackDescription,
  { accounts }: MembersDescription,
  version: string,
): readonly CheckFinding[] {
  const own = accounts.filter(isReadable).map((one) => ({ key: one.account, reading: one.own }));
  const found = [
    ...accounts.flatMap((description) => readRoleProblem(stack, description, version)),
    ...notKnown(own, version),
  ];
  return orOk(found, 'accounts', `The read role can be assumed in ${counted(accounts.length, 'account')}.`);
}

function readRoleProblem(
  stack: StackDescription,
  { account, readRole, own }: AccountDescription,
  version: string,
): readonly CheckFinding[] {
  const { parameters } = stack;
  const name = parameters.ReadRoleName ?? '';
  if (!readRole.isRead) return [unread(account, readRole)];
  if (!readRole.value)
    return [
      broken(
        account,
        `The role ${name} of account ${account} cannot be assumed.`,
        `${readRoleFix(stack, account)} Then check that no service control policy denies sts:AssumeRole.`,
      ),
    ];
  const update = isOfHubStack(stack, account)
    ? `Deploy template.yaml of version ${version}: it makes the roles of account ${account} too.`
    : `Deploy member-account.yaml of version ${version} in account ${account}, in its HomeRegion.`;
  // A role of an older template may not read itself.
  if (!own.isRead) return [];
  const deployed = own.value?.tags[VERSION_TAG];
  if (deployed === version) return [];
  const says = deployed === undefined ? 'has no version' : `is of version ${deployed}`;
  return [
    broken(
      account,
      `The role ${name} of account ${account} ${says}, but this command is of version ${version}.`,
      update,
    ),
  ];
}

/** Whether the stack of the hub makes the roles of this account. */
const isOfHubStack = ({ account: hub, parameters }: StackDescription, account: string): boolean =>
  account === hub && (parameters.ReadHubAccount === 'true' || parameters.OrganizationId === '');

function readRoleFix(stack: StackDescription, account: string): string {
  const { account: hub, parameters } = stack;
  const { OrganizationId: organization, MemberAccountIds: listed = '', ReadRoleName: name = '' } = parameters;
  if (isOfHubStack(stack, account)) return 'Deploy template.yaml again: it makes the read role of this account.';
  const fix =
    `Deploy member-account.yaml in account ${account}, in its HomeRegion first, with HubAccountId=${hub}, ` +
    `${organization ? `OrganizationId=${organization}, ` : ''}ReadRoleName=${name} and the ReadRoleExternalId of the hub.`;
  if (account === hub) return `Deploy template.yaml with ReadHubAccount=true. Or: ${fix}`;
  return organization !== '' || listed.split(',').includes(account)
    ? fix
    : `Deploy template.yaml with account ${account} in MemberAccountIds: the hub trusts no other account. ${fix}`;
}

interface Acting {
  readonly parameter: string;
  /** The parameter of member-account.yaml that makes the role. */
  readonly list: string;
  readonly path: string;
  readonly of: (account: AccountDescription) => AccountDescription['build'];
  /** Accounts in which the policy needs the role; `any`: in at least one. */
  readonly needed: readonly string[] | 'any' | 'none';
}

/**
 * Checks the acting roles. Only Patchwave's functions may assume them, so their trust policies are compared with the
 * hub. A missing role is broken only if the policy needs it.
 */
export function checkActingRoles(
  stack: StackDescription,
  { accounts, members }: MembersDescription,
  version: string,
): readonly CheckFinding[] {
  const kinds: readonly Acting[] = [
    {
      ...{ parameter: 'ActBuildRoleName', list: 'PipelineArns', path: 'builder' },
      of: ({ build }) => build,
      needed: members.building,
    },
    {
      ...{ parameter: 'ActRolloutRoleName', list: 'ServiceArns, or with RolloutToEks=true for EKS', path: 'deployer' },
      of: ({ rollout }) => rollout,
      needed: members.deploys ? 'any' : 'none',
    },
    {
      ...{ parameter: 'ActProtectRoleName', list: 'ProtectedRepositoryArns', path: 'protector' },
      of: ({ protect }) => protect,
      needed: members.protects ? 'any' : 'none',
    },
  ];
  const readable = accounts.filter(isReadable);
  const denied = kinds.flatMap(({ of }) => readable.map((one) => ({ key: one.account, reading: of(one) })));
  const found = [...kinds.flatMap((kind) => actingProblems(stack, readable, kind)), ...notKnown(denied, version)];
  const there = kinds.reduce((sum, { of }) => sum + readable.filter((one) => isThere(of(one))).length, 0);
  return [
    ...orOk(
      found,
      'accounts',
      there === 0
        ? 'No account has a role for builds, rollouts or protecting tags, so there is none to check.'
        : `${counted(there, 'role')} for builds, rollouts or protecting tags found; all trust this hub.`,
    ),
    ...(members.isPolicyRead
      ? []
      : [
          unknown(
            'policy',
            'The policy cannot be read, so it is unknown which roles for builds, rollouts or protecting tags it needs.',
            'First fix what the check policy reports.',
          ),
        ]),
    ...leftOut(
      'account',
      accounts.filter((one) => !isReadable(one)).map(({ account }) => account),
    ),
  ];
}

const isReadable = ({ readRole }: AccountDescription): boolean => readRole.isRead && readRole.value;
const isAbsent = (role: AccountDescription['build']): boolean => role.isRead && role.value === undefined;
const isThere = (role: AccountDescription['build']): boolean => role.isRead && role.value !== undefined;

function actingProblems(
  stack: StackDescription,
  accounts: readonly AccountDescription[],
  { parameter, list, path, of, needed }: Acting,
): readonly CheckFinding[] {
  const { account: hubAccount, parameters } = stack;
  const name = parameters[parameter] ?? '';
  const trust = {
    ...{ hubAccount, path },
    externalId: parameters.ReadRoleExternalId ?? '',
    ...(parameters.OrganizationId && { organizationId: parameters.OrganizationId }),
  };
  const mismatch = ({ account }: AccountDescription, role: RoleDescription): CheckFinding[] => {
    const problem = trustProblem(role.trust, trust);
    return problem === undefined
      ? []
      : [
          broken(
            account,
            `The functions of Patchwave cannot assume the role ${name} of account ${account}: ${problem}.`,
            isOfHubStack(stack, account)
              ? 'Deploy template.yaml again: it makes the roles of this account.'
              : `Deploy member-account.yaml in account ${account} with HubAccountId, OrganizationId and ReadRoleExternalId of this hub.`,
          ),
        ];
  };
  const absent = (account: string): CheckFinding =>
    broken(
      account,
      `Account ${account} does not have the role ${name}, which the policy needs.`,
      `Deploy ${isOfHubStack(stack, account) ? 'template.yaml' : `member-account.yaml in the HomeRegion of account ${account}`}, with the resources that Patchwave may act on in the parameter ${list}.`,
    );
  const found = accounts.flatMap((description) => {
    const role = of(description);
    if (!role.isRead) return [];
    if (role.value) return mismatch(description, role.value);
    return needed !== 'any' && needed !== 'none' && needed.includes(description.account)
      ? [absent(description.account)]
      : [];
  });
  const isMissing = needed === 'any' && accounts.length > 0 && accounts.every((one) => isAbsent(of(one)));
  return isMissing
    ? [
        broken(
          'accounts',
          `No account has the role ${name}, which the policy needs.`,
          `Deploy member-account.yaml in the HomeRegion of each account in which Patchwave should act, with the resources that it may act on in the parameter ${list}.`,
        ),
      ]
    : found;
}

/**
 * Finding of a member check if no member could be read. The first check says why; the others refer to it.
 * @param reading why not
 */
export function membersUnread(
  check: CheckName,
  { outputs, parameters }: StackDescription,
  reading: Extract<DoctorReading<unknown>, { isRead: false }>,
): CheckFinding {
  if (check !== 'read-roles')
    return unknown('members', 'Not checked: members cannot be read.', 'First fix what the check read-roles reports.');
  if (reading.deniedAction !== 'sts:AssumeRole') return unread('members', reading);
  // https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html: the root user cannot call it.
  if (/arn:[\w-]+:iam::\d{12}:root is not authorized/.test(reading.reason))
    return unread('members', reading, 'Run the command as a role or an IAM user: the root user cannot assume a role.');
  const role = outputs.DoctorRoleArn;
  const listed = parameters.DoctorPrincipalArns;
  const list = `add your role or user to DoctorPrincipalArns, which lists ${listed}: sam deploy --parameter-overrides DoctorPrincipalArns=...`;
  return unread('members', reading, `Allow yourself sts:AssumeRole on ${role}${listed ? `, and ${list}` : '.'}`);
}

/** Names places with an unusable read role once, as not checked. */
function leftOut(what: string, names: readonly string[]): readonly CheckFinding[] {
  if (names.length === 0) return [];
  return [
    unknown(
      named(names),
      `Not checked in ${counted(names.length, what)}, because the read role cannot be assumed there: ${named(names)}.`,
      'First fix what the check read-roles reports, then run the command again.',
    ),
  ];
}

const named = (names: readonly string[]): string =>
  names.length <= MOST_NAMED
    ? names.join(', ')
    : `${names.slice(0, MOST_NAMED).join(', ')} and ${names.length - MOST_NAMED} more`;

export const notRead = ({ members, places }: MembersDescription): readonly CheckFinding[] => {
  const read = new Set(places.map(({ place }) => registryKey(place)));
  return leftOut(
    'scope',
    members.places.map(registryKey).filter((key) => !read.has(key)),
  );
};

/**
 * Checks how registries scan. Enhanced scanning covers only what a filter matches.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
 */
export function checkScanning(description: MembersDescription, version: string): readonly CheckFinding[] {
  const { places } = description;
  const enhanced = places.filter(({ scanning }) => scanning.isRead && scanning.value.type === 'enhanced').length;
  const says = `${counted(places.length - enhanced, 'registry', 'registries')} with basic scanning, ${enhanced} with enhanced scanning.`;
  const denied = places.map(({ place, scanning }) => ({ key: registryKey(place), reading: scanning }));
  const found = [...places.flatMap(scanningProblems), ...notKnown(denied, version)];
  return [...orOk(found, 'registries', says), ...notRead(description)];
}

function scanningProblems({ place, scanning }: PlaceDescription): readonly CheckFinding[] {
  if (!scanning.isRead) return [];
  const key = registryKey(place);
  const { type, filters } = scanning.value;
  if (type === 'basic') return [];
  const fix =
    `Add a scan rule in account ${place.account}: aws ecr put-registry-scanning-configuration --region ${place.region} ` +
    '--scan-type ENHANCED --rules RULES. RULES replaces all rules of the registry, so repeat the existing ones.';
  if (filters.length === 0)
    return [
      broken(key, `The registry ${key} has enhanced scanning without any rule, so nothing in it is scanned.`, fix),
    ];
  return place.repositories
    .filter((repository) => !filters.some((filter) => fitsFilter(filter, repository)))
    .map((repository) =>
      broken(`${key}/${repository}`, `No scan rule of the registry ${key} matches its repository ${repository}.`, fix),
    );
}

interface Unread {
  /** An account, or an account and Region. */
  readonly key: string;
  readonly reading: DoctorReading<unknown>;
}

/** Failed reads, each reason once. */
export function notKnown(all: readonly Unread[], version: string): readonly CheckFinding[] {
  const groups = new Map<string, { keys: string[]; reason: string; isDenied: boolean }>();
  for (const { key, reading } of all) {
    if (reading.isRead) continue;
    const { reason, deniedAction } = reading;
    const group = groups.get(deniedAction ?? reason) ?? { keys: [], reason, isDenied: deniedAction !== undefined };
    if (!group.keys.includes(key)) group.keys.push(key);
    groups.set(deniedAction ?? reason, group);
  }
  return [...groups.values()].map(({ keys, reason, isDenied }) =>
    unknown(
      named(keys),
      `Not checked in ${named(keys)}: ${reason}`,
      isDenied
        ? `Deploy the templates of version ${version}: they let Patchwave read this.`
        : 'Run the command again. If this persists, fix what the message names.',
    ),
  );
}

/**
 * Checks that the test event of each place arrives in the hub.
 * @param isListening whether the hub's rule for them is enabled
 */
export function checkForwarding(
  stack: StackDescription,
  description: MembersDescription,
  version: string,
  isListening: boolean,
): readonly CheckFinding[] {
  const { places, waitedSeconds } = description;
  if (!isListening)
    return [
      unknown(
        'hub',
        'Not checked: the rule DoctorRule is disabled, so the hub receives no test events.',
        'First fix what the check wiring reports.',
      ),
    ];
  const lost = places.filter(({ forwarding }) => forwarding.isRead && !forwarding.value);
  // One forwarding place proves that the hub receives.
  const hubIsDeaf = lost.length > 1 && lost.length === places.length;
  const found = hubIsDeaf
    ? [
        broken(
          'hub',
          `None of ${lost.length} test events reached the hub within ${waitedSeconds} s.`,
          "Deploy template.yaml again: it sets the policy of the bus and the rule for test events. Then deploy member-account.yaml with the hub's output BusArn as HubBusArn.",
        ),
      ]
    : lost.map(({ place }) =>
        broken(
          registryKey(place),
          `The test event of ${registryKey(place)} did not reach the hub within ${waitedSeconds} s.`,
          `${isOfHubStack(stack, place.account) && place.region === stack.region ? 'Deploy template.yaml again' : `Deploy member-account.yaml in ${registryKey(place)} with the hub's BusArn as HubBusArn`}, check that its rule ForwardRule is enabled, and read the messages of its queue ForwardDeadLetters.`,
        ),
      );
  const says = `${counted(places.length, 'test event')} reached the hub, one from each account and Region.`;
  const denied = places.map(({ place, forwarding }) => ({ key: registryKey(place), reading: forwarding }));
  return [...orOk([...found, ...notKnown(denied, version)], 'places', says), ...notRead(description)];
}
