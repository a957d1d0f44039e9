/**
 * `sam deploy` as the AWS SAM CLI does it with samconfig.toml, by the AWS CLI: packages the template, uploads it, and
 * deploys a change set. The SAM CLI itself is not among what the tests install. Gets the embedded cloud by environment.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inVenv } from '../../scripts/setup.mjs';

/** What suits a cloud in which a scan takes a moment. */
const QUICK = ['ScanPollSeconds=1', 'CatchUpMinutes=0'];

const [command, ...others] = process.argv.slice(2);
if (command !== 'deploy') throw new Error(`sam ${command} is not what the README says`);
const section = others[0] === '--config-env' ? others[1] : 'default';
const text = readFileSync('samconfig.toml', 'utf8').split(`[${section}.deploy.parameters]\n`)[1]?.split('\n[')[0] ?? '';
const settings = new Map(
  [...text.matchAll(/^(\w+) = (".*")$/gm)].map(([, name = '', value = '']) => [name, JSON.parse(value) as string]),
);
const named = (name: string): string => {
  const value = settings.get(name);
  if (value === undefined) throw new Error(`samconfig.toml has no ${name}`);
  return value;
};
const overrides = [...named('parameter_overrides').matchAll(/(\w+)="([^"]*)"/g)].map(
  ([, name, value]) => `${name}=${value}`,
);

const aws = (...words: readonly string[]) =>
  execFileSync(inVenv('cloud', 'aws'), [...words, '--region', named('region')], { stdio: ['ignore', 2, 2] });
const bucket = 'sam-managed-bucket';
const packaged = join(mkdtempSync(join(tmpdir(), 'patchwave-sam-')), 'packaged.json');
aws('s3api', 'create-bucket', '--bucket', bucket);
aws(
  'cloudformation',
  'package',
  '--use-json',
  '--template-file',
  settings.get('template_file') ?? 'template.yaml',
  '--s3-bucket',
  bucket,
  '--output-template-file',
  packaged,
);
aws(
  'cloudformation',
  'deploy',
  '--template-file',
  packaged,
  '--s3-bucket',
  bucket,
  '--stack-name',
  named('stack_name'),
  '--capabilities',
  ...named('capabilities').split(' '),
  '--parameter-overrides',
  ...overrides,
  ...QUICK,
);
