import { counted } from '../../shared/domain/common/counted.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { type Conclusion, isDecided } from './facts.ts';
import type { OpenQuestion, Proposal, ProposedRule } from './propose.ts';

/** The owner of a rule for which no tag names one. */
export const NO_OWNER = 'unassigned';

export interface PolicyScope {
  readonly account: string;
  readonly regions: readonly string[];
}

/** A policy in YAML that only reports. Each line of a stream has its evidence; open questions are at the end. */
export function proposedPolicy({ rules, mirrors, open }: Proposal, scopes: readonly PolicyScope[]): string {
  const lines = [
    '# yaml-language-server: $schema=docs/policy.schema.json',
    '# Proposed by `patchwave policy init` from ECR, ECS, EKS and CodePipeline. Read each line, and answer what is open at',
    '# the end. Nothing is in force before `patchwave policy apply`.',
    'version: 1',
    'mode: report-only',
    'scopes:',
    ...scopes.map(
      ({ account, regions }) => `  - { account: ${text(account)}, regions: [${regions.map(text).join(', ')}] }`,
    ),
    'ages:',
    '  default: { limitDays: 30, warnAtPercent: 80 }',
    'severities:',
    '  - { id: no-critical, severities: [critical], graceDays: 0 }',
    '  - { id: high-within-a-week, severities: [high], graceDays: 7 }',
    ...mirrorLines(mirrors),
    rules.length === 0 ? 'streams: []' : 'streams:',
    ...rules.flatMap(ruleLines),
    ...openLines(open),
  ];
  return `${lines.join('\n')}\n`;
}

/** A YAML double-quoted scalar: JSON is one, and hidden characters are escapes in both. */
const text = (value: string): string => visibleLine(JSON.stringify(value));

const comment = (evidence: string): string => ` # ${visibleLine(evidence)}`;

const because = ({ certainty, evidence }: { readonly certainty: string; readonly evidence: string }): string =>
  comment(`${certainty}: ${evidence}`);

function mirrorLines(mirrors: Proposal['mirrors']): readonly string[] {
  if (mirrors.length === 0) return [];
  return [
    'mirrors:',
    ...mirrors.map(
      ({ account, prefix }) =>
        `  - { account: ${text(account)}, repositories: [${text(`${prefix}/*`)}] }${comment('certain: a pull-through cache rule has this prefix')}`,
    ),
  ];
}

function ruleLines({ id, repository, tier, lines, owner, parent, pipeline }: ProposedRule): readonly string[] {
  const field = <Value>(decision: Conclusion<Value>, line: (value: Value) => string): readonly string[] =>
    isDecided(decision) ? [`    ${line(decision.value)}${because(decision)}`] : [];
  const place = (value: { readonly account: string; readonly region: string; readonly name: string }): string =>
    [
      `name: ${text(value.name)}`,
      ...(value.account === repository.account ? [] : [`account: ${text(value.account)}`]),
      ...(value.region === repository.region ? [] : [`region: ${text(value.region)}`]),
    ].join(', ');
  return [
    `  - id: ${text(id)}`,
    ...field(tier, (value) => `tier: ${value}`),
    `    account: ${text(repository.account)}`,
    `    regions: [${text(repository.region)}]`,
    `    repositories: [${text(repository.repository)}]`,
    ...field(lines, (value) => `headTags: [${value.map(({ pattern }) => text(pattern)).join(', ')}]`),
    ...(isDecided(owner)
      ? field(owner, (value) => `owner: ${text(value)}`)
      : [`    owner: ${NO_OWNER}${comment(`not decided: ${owner.reason}`)}`]),
    ...field(parent, (value) => `parents: [${text(value)}]`),
    ...field(pipeline, (value) => `pipeline: { ${place(value)} }`),
  ];
}

function openLines(open: readonly OpenQuestion[]): readonly string[] {
  if (open.length === 0) return ['', '# Nothing is open.'];
  return [
    '',
    `# Not decided: ${counted(open.length, 'question')}.`,
    ...open.map(({ resource, field, reason }) => `# - ${visibleLine(resource)}: ${field}: ${visibleLine(reason)}`),
  ];
}
