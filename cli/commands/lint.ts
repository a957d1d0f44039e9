import { counted } from '../../shared/domain/common/counted.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { LINT_RULES } from '../../shared/domain/dockerfile/judge-dockerfile.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { policyVersion } from '../../shared/domain/policy/policy-document.ts';
import type { Arguments, CliContext, Command } from '../command.ts';
import { EXIT, UsageError } from '../errors.ts';
import { type LintFinding, type LintResult, lint } from '../lint/lint.ts';
import { fitted, paint, print, printJson } from '../output.ts';
import { policyIn } from '../policy/policy-file.ts';
import { sarifOf } from '../sarif.ts';

export const lintCommand: Command = {
  summary:
    'Checks the parents that Dockerfiles name. Exit code 3: a line violates a rule; 4: a line is not known to follow them, or there is no Dockerfile.',
  synopsis: 'DIR [--policy FILE] [--sarif]',
  words: [1, 1],
  argumentHelp: { DIR: 'the folder to search for Dockerfiles and Containerfiles, or one such file' },
  options: { policy: { type: 'string' }, sarif: { type: 'boolean' } },
  optionHelp: {
    'policy FILE': 'judge by that policy, without an AWS account (default: the policy in force)',
    sarif: 'print a SARIF document',
  },
  async run(context, args) {
    const { json, flags } = args;
    if (json && flags.sarif === true) throw new UsageError('--json and --sarif are two forms. Give one of them.');
    const policy = await policyOf(context, args);
    const result = await lint(args.positionals[0] ?? '', policy);
    if (flags.sarif === true) printJson(documentOf(result, policy));
    else if (json) printJson({ policyVersion: policyVersion(policy), ...result });
    else print(render(result));
    return exitCodeOf(result);
  },
};

async function policyOf(context: () => Promise<CliContext>, { flags }: Arguments): Promise<Policy> {
  if (typeof flags.policy === 'string') return policyIn(flags.policy, 'validate');
  return (await (await context()).policies.current()).policy;
}

/** No Dockerfile is no proof that all parents are fine. */
function exitCodeOf({ files, findings }: LintResult): number {
  if (findings.some(({ state }) => state === 'violating')) return EXIT.violating;
  return findings.length > 0 || files.length === 0 ? EXIT.unknown : EXIT.done;
}

const COLOURS = { violating: 'red', unknown: 'yellow' } as const;

function render({ files, findings }: LintResult): string {
  if (files.length === 0) return 'There is no Dockerfile and no Containerfile, so nothing was checked.';
  const inState = (wanted: LintFinding['state']) => findings.filter(({ state }) => state === wanted).length;
  const lines = findings.map(({ file, line, state, ruleId, text, fix }) =>
    [
      `${visibleLine(file)}:${line}: ${paint(COLOURS[state], state)} ${ruleId}: ${visibleLine(text)}`,
      `    fix: ${visibleLine(fix)}`,
    ].join('\n'),
  );
  const sums = `${counted(files.length, 'file')}: ${inState('violating')} violating, ${inState('unknown')} unknown`;
  return fitted([...lines, sums].join('\n'), 4);
}

function documentOf({ findings }: LintResult, { approvedRegistries: approved }: Policy) {
  const rules = {
    ...LINT_RULES,
    ...(approved && { [approved.id]: 'The policy approves the registry of the parent.' }),
  };
  return sarifOf(
    rules,
    findings.map(({ file, line, ruleId, state, text, fix }) => ({
      ruleId,
      text: `${text} ${fix}`,
      file: { path: file, line },
      level: state === 'violating' ? 'error' : 'warning',
    })),
  );
}
