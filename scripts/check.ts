/**
 * `npm run check`: format, lint, types, bundle budgets, and the templates and the Dockerfiles of registry/ under their
 * linters and their tests that need no cloud. Runs every step even when one fails, shows what a failed one said, ends with a table, and with exit code 1
 * where any failed. Needs no network.
 */
import { spawn } from 'node:child_process';
import { glob } from 'node:fs/promises';
import { inVenv, NODE, ROOT } from './setup.mjs';
import { table } from './table.ts';

interface Step {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
}

interface Outcome {
  readonly step: Step;
  readonly failed: boolean;
  readonly seconds: number;
}

const TEMPLATES = [
  'template.yaml',
  'member-account.yaml',
  'member-vpc.yaml',
  'doors.yaml',
  'ecs-door.yaml',
  'ecs-gate.yaml',
  'door-publisher.yaml',
  'registry/registry.yaml',
  'registry/pipeline.yaml',
  'registry/import.yaml',
];

/** Files of the shipped registry. */
const inRegistry = (pattern: string): Promise<string[]> =>
  Array.fromAsync(glob(`registry/**/${pattern}`, { cwd: ROOT }));

const STEPS: readonly Step[] = [
  { name: 'format and lint', command: [NODE, 'node_modules/@biomejs/biome/bin/biome', 'ci', '--colors=off', '.'] },
  { name: 'types', command: [NODE, 'node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'] },
  { name: 'bundles within budget', command: [NODE, 'scripts/build.ts'] },
  ...TEMPLATES.map((template) => ({
    name: `sam validate ${template}`,
    command: [inVenv('lint', 'sam'), 'validate', '--lint', '--template', template] as const,
  })),
  { name: 'cfn-lint', command: [inVenv('lint', 'cfn-lint'), '--', ...TEMPLATES] },
  {
    name: 'cfn-lint, GovCloud',
    command: [inVenv('lint', 'cfn-lint'), '--regions', 'us-gov-west-1', '--', ...TEMPLATES],
  },
  {
    name: 'templates as AWS takes them',
    // What no linter knows: rights before what asks for them, versions, sizes of policies, and what exists in a partition.
    command: [
      NODE,
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
      '--testMatch=**/test/template/*.test.ts',
      '--testMatch=!**/template/deployment.test.ts',
    ],
  },
  {
    name: 'checkov',
    // Skips the download of guideline texts, which this check does not use.
    command: [
      inVenv('checkov', 'checkov'),
      '--framework',
      'cloudformation',
      '--compact',
      '--quiet',
      '--skip-download',
      '--file',
      ...TEMPLATES,
    ],
  },
  { name: 'hadolint', command: [inVenv('lint', 'hadolint'), ...(await inRegistry('Dockerfile'))] },
  { name: 'shellcheck', command: [inVenv('lint', 'shellcheck'), ...(await inRegistry('*.sh'))] },
  {
    name: 'checkov, Dockerfiles',
    command: [
      inVenv('checkov', 'checkov'),
      '--framework',
      'dockerfile',
      '--compact',
      '--quiet',
      '--skip-download',
      '--directory',
      'registry',
    ],
  },
];

/** The linters need a Region for pseudo parameters, but no credentials and no telemetry. */
const LINTER_ENVIRONMENT = {
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  SAM_CLI_TELEMETRY: '0',
  SAM_CLI_CHECK_UPDATES: '0',
  FORCE_COLOR: '0',
};

async function runStep(step: Step): Promise<Outcome> {
  const startedAtMs = performance.now();
  const { failed, output } = await run(step.command);
  const seconds = (performance.now() - startedAtMs) / 1000;
  process.stderr.write(`${failed ? 'FAILED' : 'ok    '}  ${step.name} (${seconds.toFixed(1)} s)\n`);
  if (failed) process.stderr.write(`${output.trim()}\n\n`);
  return { step, failed, seconds };
}

function run([program, ...args]: Step['command']): Promise<{ failed: boolean; output: string }> {
  return new Promise((resolve) => {
    let output = '';
    const keep = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...LINTER_ENVIRONMENT } });
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) =>
      resolve({
        failed: true,
        output: `${program} cannot run: ${error.message}. Run the command again: it repairs the set-up.`,
      }),
    );
    child.once('close', (code) => resolve({ failed: code !== 0, output }));
  });
}

const outcomes: Outcome[] = [];
for (const step of STEPS) outcomes.push(await runStep(step));

const rows = outcomes.map(({ step, failed, seconds }) => [step.name, failed ? 'FAILED' : 'ok', seconds.toFixed(1)]);
process.stdout.write(`\n${table(['check', 'result', 'seconds'], rows)}\n`);
process.exitCode = outcomes.some(({ failed }) => failed) ? 1 : 0;
