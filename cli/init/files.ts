import { partitionOf } from '../../shared/domain/image/partitions.ts';
import type { Section } from './sam-config.ts';
import type { InitSettings } from './settings.ts';

export const SAM_CONFIG = 'samconfig.toml';
export const FIRST_POLICY = 'my-policy.yaml';
/** The section of samconfig.toml for member-account.yaml. */
export const MEMBER = 'member';

/**
 * The settings of `sam deploy`: by default for the hub, and with `--config-env member` for an account that it reads.
 * Every parameter that has an answer is written, the empty ones too: `sam deploy` keeps the deployed value of a parameter
 * that is left out, so an account that was taken out would stay trusted.
 * https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
 */
export function samSections(settings: InitSettings): { readonly hub: Section; readonly member: Section } {
  const { account, region, stack, organization = '', members, readsHubAccount, externalId } = settings;
  return {
    hub: {
      ...{ name: 'default', keys: { stack_name: stack, region } },
      first: ['resolve_s3 = true', 'capabilities = "CAPABILITY_IAM CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"'],
      parameters: {
        OrganizationId: organization,
        MemberAccountIds: members.join(),
        ReadHubAccount: String(readsHubAccount),
        ReadRoleExternalId: externalId,
        AlarmEmail: settings.alarmEmail ?? '',
        AlarmTopicArn: settings.alarmTopic ?? '',
      },
    },
    member: {
      ...{ name: MEMBER, comment: '# In an account that the hub reads, with the credentials of that account.' },
      keys: { template_file: 'member-account.yaml', stack_name: `${stack}-member`, region },
      first: ['resolve_s3 = true', 'capabilities = "CAPABILITY_NAMED_IAM"'],
      parameters: {
        HubAccountId: account,
        HubBusArn: `arn:${partitionOf(region).name}:events:${region}:${account}:event-bus/${stack}`,
        OrganizationId: organization,
        ReadRoleExternalId: externalId,
        HomeRegion: region,
      },
    },
  };
}

export const hasMembers = ({ organization, members, regions }: InitSettings): boolean =>
  organization !== undefined || members.length > 0 || regions.length > 1;

/** What reviews read, as lines of a policy. */
export function scopeLines({ account, organization, members, regions }: InitSettings): readonly string[] {
  const scope = (id: string): string => `  - { account: "${id}", regions: [${regions.join(', ')}] }`;
  return organization === undefined ? ['scopes:', ...[account, ...members].map(scope)] : ['scopes: organization'];
}

/** A policy that reads and reports, and names no stream yet. */
export function firstPolicy(settings: InitSettings): string {
  return [
    '# yaml-language-server: $schema=docs/policy.schema.json',
    '# Made by `patchwave init`. It judges every image that runs, and changes nothing. docs/policy.md explains each field.',
    'version: 1',
    'mode: report-only',
    ...scopeLines(settings),
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
