import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

const MAIN = 'enforcement/build/main.ts';
const POLICY = `
version: 1
ages: { default: { limitDays: 30 } }
streams: []
severities: []
approvedRegistries: { allow: ["*.dkr.ecr.*.amazonaws.com/*", "docker.io/library/*"] }
`;
const WARN = 'doors: { mode: warn }\n';
const BY_CLUSTER = 'doors: { rules: [{ clusters: ["prod-*"], mode: deny }] }\n';

const CLUSTER = ['--cluster', '111122223333/eu-west-1/prod-a'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchwave-enforcement-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function build(policy: string, ...more: readonly string[]) {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, policy);
  const args = [MAIN, file, '--out', join(folder, 'out'), ...more];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
  return { status, stderr: stderr.replaceAll(/\s+/g, ' ').trim(), isWritten: existsSync(join(folder, 'out')) };
}

test('writes the files, byte-equal in a second run', () => {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, POLICY + WARN);
  const texts = ['one', 'two'].map((out) => {
    const printed = execFileSync(process.execPath, [MAIN, file, '--out', join(folder, out)], { encoding: 'utf8' });
    const paths = printed.split('\n').flatMap((line) => /^ {2}(\S+)$/.exec(line)?.[1] ?? []);
    expect(paths.length).toBeGreaterThan(2);
    return paths.map((path) => [path, readFileSync(join(folder, out, path), 'utf8')]);
  });
  expect(texts[0]).toEqual(texts[1]);
});

test('names a cluster in which every mode is off, because what was applied there stays', () => {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, `${POLICY}${BY_CLUSTER}`);
  const off = ['--cluster', '111122223333/eu-west-1/prod-a', '--cluster', '111122223333/eu-west-1/prod'];
  const printed = execFileSync(process.execPath, [MAIN, file, '--out', join(folder, 'out'), ...off], {
    encoding: 'utf8',
  });
  expect(printed).toMatch(/^Every mode in 111122223333\/eu-west-1\/prod is off, .*$/m);
  expect(printed).not.toContain('prod-a is off');
});

test.each([
  ['a broken policy', 'version: 2\n', [], 1, /The policy is invalid.*version.*Nothing was written\.$/],
  ['a policy whose doors are off', `${POLICY}doors: { mode: "off" }\n`, [], 1, /is `off`.*Nothing was written\.$/],
  ['a policy without doors', POLICY, [], 1, /has no `doors`.*Nothing was written\.$/],
  [
    'a policy that names clusters',
    POLICY + BY_CLUSTER,
    [],
    1,
    /rules\[0\] names.*Add --cluster.*Nothing was written\.$/,
  ],
  ['a cluster without a Region', POLICY + WARN, ['--cluster', '111122223333/prod'], 2, /names no cluster/],
  ['a cluster that climbs out of the folder', POLICY + WARN, ['--cluster', '111122223333/eu-west-1/..'], 2, /names no/],
  ['seven shards', POLICY + WARN, ['--shards', '7'], 2, /--shards must be 1 or 16\./],
  ['a webhook without TLS', POLICY + WARN, [...CLUSTER, '--webhook-url', 'http://a.example/s'], 2, /must be https:/],
  ['a webhook without a secret', POLICY + WARN, [...CLUSTER, '--webhook-url', 'https://a.example/'], 2, /HOST\/SECRET/],
  [
    'a webhook with a query',
    POLICY + WARN,
    [...CLUSTER, '--webhook-url', 'https://a.example/s?x=1'],
    2,
    /HOST\/SECRET/,
  ],
  ['a webhook for no cluster', POLICY + WARN, ['--webhook-url', 'https://a.example/s'], 2, /Add --cluster/],
  [
    'a webhook for clusters of two Regions',
    POLICY + WARN,
    [...CLUSTER, '--cluster', '111122223333/us-east-1/prod-a', '--webhook-url', 'https://a.example/s'],
    2,
    /A webhook is for the clusters of its Region\./,
  ],
  ['an unknown flag', POLICY + WARN, ['--fast'], 2, /^Unknown option .--fast.\. Usage: /],
  ['a folder without a name', POLICY + WARN, ['--out='], 2, /--out is empty/],
  ['a cluster with line ends', POLICY + WARN, ['--cluster', 'x\nFORGED'], 2, /^"x\\nFORGED" names no/],
  [
    'a very long cluster',
    POLICY + WARN,
    ['--cluster', 'x'.repeat(9999)],
    2,
    /^"x{120}\.\.\. \(9999 characters\)" names/,
  ],
  [
    'a file in place of the folder',
    POLICY + WARN,
    ['--out', 'package.json'],
    1,
    /cannot be written \(ENOTDIR\)\. Give another/,
  ],
  [
    'a folder that the file system refuses without a word on its parent',
    POLICY + WARN,
    ['--out', '/proc/patchwave/out'],
    1,
    /^\S+ cannot be written \((ENOENT|EACCES|EROFS)\)\. Give another folder with --out\./,
  ],
  ['a second policy', POLICY + WARN, ['other.yaml'], 2, /Give one policy/],
])('writes nothing for %s', (_, policy, args, code, says) => {
  const { status, stderr, isWritten } = build(policy, ...args);
  expect({ status, isWritten }).toEqual({ status: code, isWritten: false });
  expect(stderr).toMatch(says);
});

test('only its owner may read the webhook configuration, which has the secret', () => {
  const policy = `${POLICY}doors: { mode: deny }\n`;
  expect(build(policy, ...CLUSTER, '--webhook-url', 'https://a.example/s3cret').status).toBe(0);
  const path = join(folder, 'out/kubernetes/111122223333/eu-west-1/prod-a/webhook.yaml');
  expect(readFileSync(path, 'utf8')).toContain('url: https://a.example/s3cret/111122223333/prod-a\n');
  expect(statSync(path).mode & 0o077).toBe(0);
  chmodSync(path, 0o644);
  expect(build(policy, ...CLUSTER, '--webhook-url', 'https://a.example/n3w').status).toBe(0);
  expect(readFileSync(path, 'utf8')).toContain('url: https://a.example/n3w/');
  expect(statSync(path).mode & 0o077).toBe(0);
});

test('writes a folder for each cluster', () => {
  const args = ['--cluster', '111122223333/eu-west-1/prod-a', '--cluster', '111122223333/eu-west-1/test'];
  expect(build(POLICY + BY_CLUSTER, ...args).status).toBe(0);
  const policies = (cluster: string) =>
    readFileSync(join(folder, `out/kubernetes/111122223333/eu-west-1/${cluster}/admission-policies.yaml`), 'utf8');
  expect(policies('prod-a')).toContain('patchwave-references-deny');
  expect(existsSync(join(folder, 'out/kubernetes/111122223333/eu-west-1/test'))).toBe(false);
});

test('--help prints the usage, without a policy', () => {
  const printed = execFileSync(process.execPath, [MAIN, '--help'], { encoding: 'utf8' });
  expect(printed).toMatch(/^Usage: npm run enforcement:build -- POLICY\.yaml .*\n$/);
});
