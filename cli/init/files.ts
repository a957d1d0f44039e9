import { FIELDS, fieldProblem, type InitSettings } from './settings.ts';

export const SAM_CONFIG = 'samconfig.toml';
export const FIRST_POLICY = 'my-policy.yaml';
/** The section of samconfig.toml for member-account.yaml. */
export const MEMBER = 'member';

/** The partition of a Region, as an ARN names it. */
const partitionOf = (region: string): string => PARTITIONS.find(([begin]) => region.startsWith(begin))?.[1] ?? 'aws';

/** By the beginning of their Regions; all others are in `aws`. */
const PARTITIONS = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-iso-', 'aws-iso'],
  ['us-isob-', 'aws-iso-b'],
  ['eu-isoe-', 'aws-iso-e'],
  ['eusc-', 'aws-eusc'],
  ['us-isof-', 'aws-iso-f'],
] as const;

/** Every value was checked, so a JSON text is a TOML string, and a quoted value has no quote inside. */
const text = (value: string): string => JSON.stringify(value);

const overrides = (parameters: Readonly<Record<string, string | undefined>>): string =>
  Object.entries(parameters)
    .flatMap(([name, value]) => (value ? [`${name}="${value}"`] : []))
    .join(' ');

/**
 * The settings of `sam deploy`: by default for the hub, and with `--config-env member` for an account that it reads.
 * https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
 */
export function samConfig(settings: InitSettings): string {
  const { account, region, stack, organization, members, readsHubAccount, externalId } = settings;
  const hub = overrides({
    OrganizationId: organization,
    MemberAccountIds: members.join(),
    ReadHubAccount: readsHubAccount ? 'true' : undefined,
    ReadRoleExternalId: externalId,
    AlarmEmail: settings.alarmEmail,
    AlarmTopicArn: settings.alarmTopic,
  });
  const lines = [
    '# Made by `patchwave init`. ReadRoleExternalId is not public: only the hub and the members know it.',
    'version = 0.1',
    '',
    '[default.deploy.parameters]',
    `stack_name = ${text(stack)}`,
    `region = ${text(region)}`,
    'resolve_s3 = true',
    'capabilities = "CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"',
    `parameter_overrides = ${text(hub)}`,
  ];
  if (!hasMembers(settings)) return `${lines.join('\n')}\n`;
  const member = overrides({
    HubAccountId: account,
    HubBusArn: `arn:${partitionOf(region)}:events:${region}:${account}:event-bus/${stack}`,
    OrganizationId: organization,
    ReadRoleExternalId: externalId,
    HomeRegion: region,
  });
  lines.push(
    '',
    '# In an account that the hub reads, with the credentials of that account.',
    `[${MEMBER}.deploy.parameters]`,
    'template_file = "member-account.yaml"',
    `stack_name = ${text(`${stack}-member`)}`,
    `region = ${text(region)}`,
    'resolve_s3 = true',
    'capabilities = "CAPABILITY_NAMED_IAM"',
    `parameter_overrides = ${text(member)}`,
  );
  return `${lines.join('\n')}\n`;
}

/** The external id in settings that `samConfig` wrote; `undefined` if there is none. */
export function externalIdIn(config: string): string | undefined {
  const [, found] = /^parameter_overrides = .*\bReadRoleExternalId=\\"([^"\\]+)\\"/m.exec(config) ?? [];
  return found !== undefined && fieldProblem(found, FIELDS.externalId) === undefined ? found : undefined;
}

export const hasMembers = ({ organization, members, regions }: InitSettings): boolean =>
  organization !== undefined || members.length > 0 || regions.length > 1;

/** A policy that reads and reports, and names no stream yet. */
export function firstPolicy({ account, organization, members, regions }: InitSettings): string {
  const scope = (id: string): string => `  - { account: "${id}", regions: [${regions.join(', ')}] }`;
  const scopes =
    organization === undefined ? ['scopes:', ...[account, ...members].map(scope)] : ['scopes: organization'];
  return [
    '# yaml-language-server: $schema=docs/policy.schema.json',
    '# Made by `patchwave init`. It judges every image that runs, and changes nothing. docs/policy.md explains each field.',
    'version: 1',
    'mode: report-only',
    ...scopes,
    'ages:',
    '  default: { limitDays: 30, warnAtPercent: 80 }',
    'severities:',
    '  - { id: no-critical, severities: [critical], graceDays: 0 }',
    '  - { id: high-within-a-week, severities: [high], graceDays: 7 }',
    '# `patchwave policy init` proposes streams. Without any, nothing can be rebuilt.',
    'streams: []',
    '',
  ].join('\n');
}
