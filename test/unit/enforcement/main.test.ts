import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { pathKey, privateKey } from '../../support/path-key.ts';

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
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
  return { status, stdout, stderr: stderr.replaceAll(/\s+/g, ' ').trim(), isWritten: existsSync(join(folder, 'out')) };
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

test.each([
  ['{ mode: warn }', ['gatekeeper.yaml cannot say']],
  ['{ mode: deny }', ['While the webhook cannot be asked, webhook.yaml refuses', 'gatekeeper.yaml cannot say']],
  [
    '{ mode: deny, pinTags: true }',
    ['webhook.yaml refuses', 'webhook.yaml has the digests of tags written', 'gatekeeper.yaml cannot say'],
  ],
  [
    '{ mode: deny, onUnreachable: allow }',
    ['cannot be asked, webhook.yaml starts every image', 'gatekeeper.yaml cannot say'],
  ],
])('says for the doors %s what starts while nothing answers', (doors, expected) => {
  const key = join(folder, 'key.pem');
  writeFileSync(key, privateKey(1).export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const { status, stdout } = build(
    `${POLICY}doors: ${doors}\n`,
    ...CLUSTER,
    '--webhook-url',
    'https://a.example',
    '--key',
    key,
  );
  expect(status).toBe(0);
  const said = stdout.split('\n').filter((line) => /^(While|webhook|gatekeeper)/.test(line));
  expect(said).toEqual(expected.map((text) => expect.stringContaining(text)));
  expect(stdout.includes('deny (allow while it cannot be asked) in all others')).toBe(doors.includes('allow'));
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
  ['a webhook without TLS', POLICY + WARN, [...CLUSTER, '--webhook-url', 'http://a.example'], 2, /must be https:/],
  [
    'a webhook with the secret of version 0.2.0',
    POLICY + WARN,
    [...CLUSTER, '--webhook-url', 'https://a.example/s3cret'],
    2,
    /^--webhook-url must be https:\/\/HOST, as the output WebhookUrl of doors.yaml is\./,
  ],
  [
    'a webhook with a query',
    POLICY + WARN,
    [...CLUSTER, '--webhook-url', 'https://a.example?x=1'],
    2,
    /must be https:\/\/HOST/,
  ],
  ['a webhook without a key', POLICY + WARN, [...CLUSTER, '--webhook-url', 'https://a.example'], 2, /Add --key FILE/],
  ['a key without a webhook', POLICY + WARN, [...CLUSTER, '--key', 'key.pem'], 2, /Name it with --webhook-url/],
  [
    'a key that is not there',
    POLICY + WARN,
    [...CLUSTER, '--webhook-url', 'https://a.example', '--key', 'no-such-key.pem'],
    2,
    /no-such-key\.pem cannot be read \(ENOENT\)/,
  ],
  [
    'a webhook for no cluster',
    POLICY + WARN,
    ['--webhook-url', 'https://a.example', '--key', 'key.pem'],
    2,
    /Add --cluster/,
  ],
  [
    'a webhook for clusters of two Regions',
    POLICY + WARN,
    [...CLUSTER, '--cluster', '111122223333/us-east-1/prod-a', '--webhook-url', 'https://a.example', '--key', 'k'],
    2,
    /A webhook is for the clusters of its Region\./,
  ],
  [
    'an unknown flag',
    POLICY + WARN,
    ['--fast'],
    2,
    /^Unknown option .--fast.; npm run enforcement:build -- --help lists the options\. Nothing was written\.$/m,
  ],
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

describe('the key that signs the paths of a webhook', () => {
  const policy = `${POLICY}doors: { mode: deny }\n`;
  const PROD = { account: '111122223333', region: 'eu-west-1', cluster: 'prod-a' };
  const keyFile = (pem: string | Buffer, mode = 0o600): string => {
    const path = join(folder, 'key.pem');
    writeFileSync(path, pem);
    chmodSync(path, mode);
    return path;
  };
  const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' });
  const signed = (path: string) => build(policy, ...CLUSTER, '--webhook-url', 'https://a.example/', '--key', path);

  test('signs each path, and its public half is printed; its private one is nowhere', () => {
    const path = keyFile(pemOf(privateKey(7)));
    const { status, stdout } = signed(path);
    expect(status).toBe(0);
    const text = readFileSync(join(folder, 'out/kubernetes/111122223333/eu-west-1/prod-a/webhook.yaml'), 'utf8');
    const { sign, publicKey } = pathKey(7);
    for (const use of ['pods', 'namespaces'] as const)
      expect(text).toContain(`url: https://a.example/${sign(use, PROD)}/111122223333/prod-a\n`);
    expect(stdout).toContain(`PathPublicKey of doors.yaml, or NextPathPublicKey, must be ${publicKey}\n`);
    const { d = 'none' } = privateKey(7).export({ format: 'jwk' });
    expect(text + stdout).not.toContain(d);
  });

  test('as `openssl genpkey` makes it, gives the public key that the documented command prints', () => {
    const path = join(folder, 'made.pem');
    execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path]);
    chmodSync(path, 0o600);
    const { status, stdout } = signed(path);
    expect(status).toBe(0);
    const [, command = ''] = /^ +public=\$\((.*)\)$/m.exec(readFileSync('docs/doors.md', 'utf8')) ?? [];
    expect(command).toContain('openssl pkey');
    const printed = execFileSync('sh', ['-c', command.replace('patchwave-webhook.pem', path)], { encoding: 'utf8' });
    expect(stdout).toContain(`must be ${printed.trim()}\n`);
  });

  test.each<[string, () => string, RegExp]>([
    ['that others may read', () => keyFile(pemOf(privateKey(7)), 0o640), /can be read by others .* Run chmod 600/],
    [
      'of another kind',
      () => keyFile(pemOf(generateKeyPairSync('x25519').privateKey)),
      /not of Ed25519\. Make one: openssl/,
    ],
    [
      'that is public',
      () => keyFile(createPublicKey(privateKey(7)).export({ type: 'spki', format: 'pem' })),
      /has no private key/,
    ],
    ['that is no key', () => keyFile('s3cret'), /has no private key in PEM/],
  ])('is refused if it is one %s, and its text is not shown', (_, path, says) => {
    const { status, stderr, isWritten } = signed(path());
    expect({ status, isWritten }).toEqual({ status: 2, isWritten: false });
    expect(stderr).toMatch(says);
    expect(stderr).not.toContain('s3cret');
  });
});

test('writes a folder for each cluster', () => {
  const args = ['--cluster', '111122223333/eu-west-1/prod-a', '--cluster', '111122223333/eu-west-1/test'];
  expect(build(POLICY + BY_CLUSTER, ...args).status).toBe(0);
  const policies = (cluster: string) =>
    readFileSync(join(folder, `out/kubernetes/111122223333/eu-west-1/${cluster}/admission-policies.yaml`), 'utf8');
  expect(policies('prod-a')).toContain('patchwave-references-deny');
  expect(existsSync(join(folder, 'out/kubernetes/111122223333/eu-west-1/test'))).toBe(false);
});

test('--help prints each option in at most 80 columns, without a policy', () => {
  const printed = execFileSync(process.execPath, [MAIN, '--help'], { encoding: 'utf8' });
  expect(printed).toMatch(/^npm run enforcement:build -- POLICY\.yaml /);
  for (const option of ['out', 'cluster', 'webhook-url', 'key', 'shards'])
    expect(printed).toContain(`\n  --${option} `);
  expect(Math.max(...printed.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
});
