import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { jest } from '@jest/globals';
import { type MadeImage, OciRegistry, type RegistryRefusal } from '../support/oci-registry.ts';

/*
 * registry/import for real, between two registries of this process: skopeo reads and copies, cosign verifies. Only the
 * scan is a program that answers what the test says.
 */

jest.setTimeout(120_000);

const REPOSITORY = 'upstream/debian-13';
const SOURCE = 'library/debian';
const SCRIPTS = join(process.cwd(), 'registry', 'import');
const hasCosign = spawnSync('cosign', ['version']).status === 0;

let folder = '';
let upstream: OciRegistry;
let ours: OciRegistry;
let others: OciRegistry[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchwave-import-'));
  [upstream, ours] = [new OciRegistry(), new OciRegistry()];
  await Promise.all([upstream.start(), ours.start()]);
  scans('COMPLETE');
});
afterEach(async () => {
  await Promise.all([upstream, ours, ...others].map((registry) => registry.stop()));
  others = [];
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string, text: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

/** What Amazon ECR says of the scan of each image. */
const scans = (status: string): void =>
  program(
    'aws',
    `echo '{"imageScanStatus": {"status": "${status}"}, "imageScanFindings": {"findingSeverityCounts": {"HIGH": 2}}}'`,
  );

const entry = (changes: object = {}) => ({
  ...{ repository: REPOSITORY, source: `${upstream.host}/${SOURCE}`, tags: ['trixie-slim'] },
  ...{ platforms: ['linux/amd64', 'linux/arm64'], signature: 'unsigned', ...changes },
});

interface Answer {
  readonly repository: string;
  readonly answer: string;
  readonly detail?: string;
  readonly digest?: string;
  readonly signature?: string;
  readonly findings?: object;
}

/** @returns the answer for each image, and the exit code */
async function run(
  ...images: readonly object[]
): Promise<{ readonly code: number | null; readonly answers: readonly Answer[] }> {
  const registries = [upstream, ours, ...others].map(
    ({ host }) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
  );
  mkdirSync(join(folder, '.config', 'containers'), { recursive: true });
  writeFileSync(join(folder, '.config', 'containers', 'registries.conf'), registries.join('\n'));
  writeFileSync(join(folder, 'upstream.json'), JSON.stringify({ images }));
  const report = join(folder, 'report.jsonl');
  const child = spawn('bash', [join(SCRIPTS, 'import.sh'), join(folder, 'upstream.json'), report], {
    cwd: folder,
    env: {
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      ...{ REGISTRY: ours.host, HOME: folder },
      ...{ BACKOFF_MS: '1', SCAN_ATTEMPTS: '5', SCAN_PAUSE_SECONDS: '0' },
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = readFileSync(report, 'utf8').trim().split('\n');
  return { code, answers: lines.map((line): Answer => JSON.parse(line)) };
}

const both = (text: string, created = '2024-11-01T00:00:00Z'): readonly MadeImage[] => [
  { platform: 'linux/amd64', text: `${text} amd64`, created },
  { platform: 'linux/arm64/v8', text: `${text} arm64`, created },
];
const ATTESTATION: MadeImage = { platform: 'unknown/unknown', text: 'attestation' };

const ownTag = (digest: string): string => `build-${digest.slice('sha256:'.length, 'sha256:'.length + 32)}`;
const promoted = (digest: string) => ({
  ...{ stable: digest, 'stable-candidate': digest, 'upstream-trixie-slim': digest, [ownTag(digest)]: digest },
});

test('all images of an index come by digest, are scanned, and then all tags move', async () => {
  const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], [...both('one'), ATTESTATION]);
  const { code, answers } = await run(entry());
  expect(answers).toMatchObject([
    {
      ...{ repository: REPOSITORY, answer: 'imported', digest, signature: 'unsigned' },
      findings: { 'linux/amd64': { HIGH: 2 }, 'linux/arm64': { HIGH: 2 } },
    },
  ]);
  expect(code).toBe(0);
  expect(ours.tagsOf(REPOSITORY)).toEqual(promoted(digest));
  expect(new Set(ours.digestsOf(REPOSITORY))).toEqual(new Set(upstream.digestsOf(SOURCE)));
});

test('a second run changes nothing, and the next image moves the tags', async () => {
  const first = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  await run(entry());
  expect(await run(entry())).toMatchObject({ code: 0, answers: [{ answer: 'unchanged' }] });
  const second = upstream.pushIndex(SOURCE, ['trixie-slim'], both('two', '2024-11-08T00:00:00Z'));
  expect(await run(entry())).toMatchObject({ code: 0, answers: [{ answer: 'imported', digest: second }] });
  expect(ours.tagsOf(REPOSITORY)).toEqual({ ...promoted(second), [ownTag(first)]: first });
});

test('an image without an index is imported where one platform is enough', async () => {
  const digest = upstream.pushAlone(SOURCE, ['trixie-slim'], { platform: 'linux/amd64', text: 'alone' });
  expect(await run(entry({ platforms: ['linux/amd64'] }))).toMatchObject({ answers: [{ answer: 'imported', digest }] });
  expect(ours.tagsOf(REPOSITORY)).toEqual(promoted(digest));
});

test('the tag moves while the import runs: what was resolved first is what is imported', async () => {
  const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  upstream.refuse = (_, path) => {
    if (path.includes('/blobs/')) upstream.pushIndex(SOURCE, ['trixie-slim'], both('two'));
    return undefined;
  };
  await run(entry());
  expect(ours.tagsOf(REPOSITORY)).toEqual(promoted(digest));
});

test('a run that ended between two tags is completed by the next one', async () => {
  const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  let puts = 0;
  ours.refuse = (method, path) => {
    if (method !== 'PUT' || !/manifests\/(stable|build-[0-9a-f]+|upstream-.*)$/.test(path)) return undefined;
    puts += 1;
    return puts === 3 ? { status: 500 } : undefined;
  };
  expect(await run(entry())).toMatchObject({ code: 1, answers: [{ answer: 'not-promoted' }] });
  expect(await run(entry())).toMatchObject({ code: 0, answers: [{ answer: 'imported' }] });
  expect(ours.tagsOf(REPOSITORY)).toEqual(promoted(digest));
});

describe('nothing is promoted', () => {
  let before: Readonly<Record<string, string>>;
  let first: string;
  /** Of the entry. */
  let changes: object = {};
  beforeEach(async () => {
    changes = {};
    first = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
    await run(entry());
    before = ours.tagsOf(REPOSITORY);
    expect(before).toEqual(promoted(first));
  });
  const next = (images = both('two', '2024-11-08T00:00:00Z')) => upstream.pushIndex(SOURCE, ['trixie-slim'], images);
  const later = '2024-11-08T00:00:00Z';
  const decoy = (indexed: object): MadeImage => ({
    ...{ platform: 'linux/arm64', text: 'decoy', created: later },
    indexed,
  });
  const upstreamAnswers = (refusal: RegistryRefusal): void => {
    upstream.refuse = () => refusal;
  };

  /** The candidate may be the new image; no other tag moves. */
  const expectUnmoved = () => {
    const { 'stable-candidate': _, ...tags } = ours.tagsOf(REPOSITORY);
    const { 'stable-candidate': __, ...expected } = before;
    expect(tags).toEqual(expected);
  };

  test.each<[string, string, () => void]>([
    ['the tag was deleted upstream', 'tag-gone', () => upstream.removeTag(SOURCE, 'trixie-slim')],
    [
      'the tag moved to an image that is older',
      'moved-back',
      () => void next(both('old', '2024-10-01T00:00:00+02:00')),
    ],
    ['the image no longer says when it was built', 'moved-back', () => void next(both('undated', 'yesterday'))],
    [
      'one of the platforms is older',
      'moved-back',
      () => void next([...both('x', later).slice(0, 1), ...both('y', '2024-10-01T00:00:00Z').slice(1)]),
    ],
    [
      'the image says that it is built in two days',
      'dated-ahead',
      () => void next(both('ahead', new Date(Date.now() + 2 * 86_400_000).toISOString())),
    ],
    [
      'the entry accepts another image',
      'moved-back',
      () => {
        next(both('old', '2024-10-01T00:00:00Z'));
        changes = { accept: first };
      },
    ],
    [
      'the source begins with an option',
      'invalid-entry',
      () => {
        next();
        changes = { source: `-${upstream.host}/${SOURCE}` };
      },
    ],
    [
      'the entry accepts what is no digest',
      'invalid-entry',
      () => {
        next();
        changes = { accept: 'latest' };
      },
    ],
    ['the index lacks a platform', 'platform-missing', () => void next(both('two', later).slice(0, 1))],
    [
      'an architecture has a line of its own',
      'platform-missing',
      () => void next([{ platform: 'linux/amd64\nlinux/arm64 sha256:1', text: 'x' }]),
    ],
    [
      'the image alone has another platform',
      'platform-missing',
      () => void upstream.pushAlone(SOURCE, ['trixie-slim'], { platform: 'linux/s390x', text: 'z' }),
    ],
    [
      'the index has two images for a platform',
      'platform-missing',
      () => void next([...both('decoy', later).slice(0, 1), ...both('two', later)]),
    ],
    [
      'the index has a platform with and without its variant',
      'platform-missing',
      () => void next([...both('two', later), { platform: 'linux/arm64', text: 'decoy', created: later }]),
    ],
    [
      'the system of an image contains its architecture',
      'platform-missing',
      () => void next([...both('two', later).slice(0, 1), decoy({ os: 'linux/arm64' })]),
    ],
    [
      'the architecture of an image is in its variant',
      'platform-missing',
      () => void next([...both('two', later).slice(0, 1), decoy({ os: 'linux', variant: 'arm64' })]),
    ],
    [
      'the architecture of an image is no text',
      'platform-missing',
      () => void next([...both('two', later).slice(0, 1), decoy({ os: 'linux', architecture: ['arm64'] })]),
    ],
    [
      'our own registry has an error page in place of the head',
      'unreachable',
      () => {
        next();
        ours.refuse = (method) => (method === 'GET' ? { status: 404 } : undefined);
      },
    ],
    ['the registry fails', 'unreachable', () => upstreamAnswers({ status: 503 })],
    [
      'the registry always answers 429',
      'throttled',
      () => upstreamAnswers({ status: 429, headers: { 'retry-after': '0' } }),
    ],
    [
      'the tags mean two images',
      'tags-differ',
      () => {
        next();
        upstream.tag(SOURCE, '13-slim', first);
        changes = { tags: ['trixie-slim', '13-slim'] };
      },
    ],
    [
      'our own registry cannot be read',
      'unreachable',
      () => {
        next();
        ours.refuse = (method) => (method === 'GET' ? { status: 500 } : undefined);
      },
    ],
    [
      'the copy fails',
      'not-copied',
      () => {
        next();
        ours.refuse = (method) => (method === 'PUT' ? { status: 500 } : undefined);
      },
    ],
    [
      'the scan failed',
      'scan-failed',
      () => {
        next();
        scans('FAILED');
      },
    ],
    [
      'the scan does not end',
      'scan-failed',
      () => {
        next();
        scans('IN_PROGRESS');
      },
    ],
    [
      'the scan cannot be read',
      'scan-failed',
      () => {
        next();
        program('aws', 'echo AccessDeniedException >&2; exit 254');
      },
    ],
    [
      'the signature is wrong',
      'wrong-signature',
      () => {
        next();
        program('cosign', 'echo "no matching signatures" >&2; exit 10');
        changes = { signature: { identity: 'builder@example.com', issuer: 'https://accounts.example.com' } };
      },
    ],
    [
      'the signature cannot be checked',
      'unverified',
      () => {
        next();
        program('cosign', 'echo "Error: getting Rekor public keys: tuf: connection refused" >&2; exit 1');
        changes = { signature: { key: 'vendor.pub' } };
      },
    ],
    [
      'the entry does not say who signs',
      'invalid-entry',
      () => {
        next();
        changes = { signature: undefined };
      },
    ],
    [
      'the entry has an identity without an issuer',
      'invalid-entry',
      () => {
        next();
        changes = { signature: { identity: 'builder@example.com' } };
      },
    ],
  ])('if %s: %s', async (_, answer, change) => {
    change();
    const { code, answers } = await run(entry(changes));
    expect({ code, answers }).toMatchObject({ code: 1, answers: [{ answer, detail: expect.any(String) }] });
    expectUnmoved();
  });

  test('if the tag moved back to an image that was imported before', async () => {
    const second = next();
    await run(entry());
    upstream.tag(SOURCE, 'trixie-slim', first);
    before = ours.tagsOf(REPOSITORY);
    expect(await run(entry())).toMatchObject({ code: 1, answers: [{ answer: 'moved-back' }] });
    expect(ours.tagsOf(REPOSITORY)).toMatchObject({ stable: second });
    expectUnmoved();
  });

  test('unless the entry accepts exactly the image that moved back', async () => {
    const second = next();
    await run(entry());
    upstream.tag(SOURCE, 'trixie-slim', first);
    const accepting = entry({ accept: first });
    expect(await run(accepting)).toMatchObject({ code: 0, answers: [{ answer: 'imported', digest: first }] });
    expect(ours.tagsOf(REPOSITORY)).toEqual({ ...promoted(first), [ownTag(second)]: second });
    expect(await run(accepting)).toMatchObject({ code: 0, answers: [{ answer: 'unchanged' }] });
  });

  test('of one image, while the others are imported', async () => {
    const digest = upstream.pushIndex('library/alpine', ['3'], both('alpine'));
    const alpine = entry({ repository: 'upstream/alpine-3', source: `${upstream.host}/library/alpine`, tags: ['3'] });
    const gone = entry({ repository: 'upstream/gone', tags: ['gone'] });
    expect(await run(gone, alpine)).toMatchObject({
      code: 1,
      answers: [{ answer: 'tag-gone' }, { answer: 'imported', digest }],
    });
    expect(ours.tagsOf('upstream/gone')).toEqual({});
  });
});

/** A scan that Amazon Inspector starts by itself; until then the call that starts one is refused. */
const scansByItself = (notFoundTimes: number): void =>
  program(
    'aws',
    `case "$2" in
      start-image-scan) echo 'ValidationException: This feature is disabled' >&2; exit 254 ;;
    esac
    echo x >> asked-$(echo "$*" | tr -dc 'a-z0-9')
    if [ "$(wc -l < asked-$(echo "$*" | tr -dc 'a-z0-9'))" -le ${notFoundTimes} ]; then
      echo 'An error occurred (ScanNotFoundException)' >&2; exit 254
    fi
    echo '{"imageScanStatus": {"status": "ACTIVE"}}'`,
  );

test('a scan that only the registry may start is waited for', async () => {
  scansByItself(4);
  const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  expect(await run(entry())).toMatchObject({ code: 0, answers: [{ answer: 'imported', digest }] });
});

test('a scan that neither starts nor may be started promotes nothing', async () => {
  scansByItself(99);
  upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  const { code, answers } = await run(entry());
  expect({ code, answers }).toMatchObject({ code: 1, answers: [{ answer: 'scan-failed' }] });
  expect(answers[0]?.detail).toMatch(/did not end in time.*ValidationException/);
  expect(Object.keys(ours.tagsOf(REPOSITORY))).toEqual(['stable-candidate']);
});

test('the report has a signature only after its verification, and findings only after a scan', async () => {
  const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  const signature = { key: 'vendor.pub' };
  const refused = {
    ...{ repository: REPOSITORY, source: `${upstream.host}/${SOURCE}`, tags: ['trixie-slim'] },
    digest,
  };
  const detail = expect.any(String);
  program('cosign', 'echo "Error: no signatures found" >&2; exit 10');
  expect((await run(entry({ signature }))).answers).toEqual([{ ...refused, answer: 'wrong-signature', detail }]);
  program('cosign', 'exit 0');
  scans('FAILED');
  const unscanned = { ...refused, answer: 'scan-failed', detail, signature: 'vendor.pub' };
  expect((await run(entry({ signature }))).answers).toEqual([unscanned]);
  scans('COMPLETE');
  expect((await run(entry({ signature }))).answers).toMatchObject([{ answer: 'imported', signature: 'vendor.pub' }]);
  expect((await run(entry({ signature }))).answers).toEqual([{ ...refused, answer: 'unchanged' }]);
});

test('a promoted image whose own tag is missing gets it before the next one takes the moving tags', async () => {
  const first = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  ours.refuse = (method, path) => (method === 'PUT' && /manifests\/build-/.test(path) ? { status: 500 } : undefined);
  expect(await run(entry())).toMatchObject({ code: 1, answers: [{ answer: 'not-promoted' }] });
  const second = upstream.pushIndex(SOURCE, ['trixie-slim'], both('two', '2024-11-08T00:00:00Z'));
  expect(await run(entry())).toMatchObject({ code: 1, answers: [{ answer: 'not-promoted' }] });
  expect(ours.tagsOf(REPOSITORY)).toMatchObject({ stable: first, 'stable-candidate': first });
  ours.refuse = () => undefined;
  expect(await run(entry())).toMatchObject({ code: 0, answers: [{ answer: 'imported', digest: second }] });
  expect(ours.tagsOf(REPOSITORY)).toEqual({ ...promoted(second), [ownTag(first)]: first });
});

test('two entries with one repository are both refused, and another one is imported', async () => {
  upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  const digest = upstream.pushIndex('library/alpine', ['3'], both('alpine'));
  const alpine = entry({ repository: 'upstream/alpine-3', source: `${upstream.host}/library/alpine`, tags: ['3'] });
  expect(await run(entry(), alpine, entry({ tags: ['13-slim'] }))).toMatchObject({
    code: 1,
    answers: [{ answer: 'invalid-entry' }, { answer: 'imported', digest }, { answer: 'invalid-entry' }],
  });
  expect(ours.tagsOf(REPOSITORY)).toEqual({});
});

test('a registry that still answers 429 is not asked again in this run, and others are', async () => {
  const other = new OciRegistry();
  others = [other];
  await other.start();
  const digest = other.pushIndex('library/alpine', ['3'], both('alpine'));
  const refusal = { status: 429, headers: { 'retry-after': '0' } };
  upstream.refuse = (_, path) => (path.includes('/manifests/') ? refusal : undefined);
  const second = entry({ repository: 'upstream/node', source: `${upstream.host}/library/node` });
  const alpine = { repository: 'upstream/alpine-3', source: `${other.host}/library/alpine`, tags: ['3'] };
  expect(await run(entry(), second, entry(alpine))).toMatchObject({
    answers: [{ answer: 'throttled' }, { answer: 'throttled' }, { answer: 'imported', digest }],
  });
  const isSecond = (request: string) => request.includes('library/node');
  expect(upstream.requests.filter(isSecond)).toEqual([]);
  expect(await run(second)).toMatchObject({ answers: [{ answer: 'throttled' }] });
  expect(upstream.requests.filter(isSecond)).not.toEqual([]);
});

test('the report shows text of others in ASCII', async () => {
  upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  program('cosign', "printf 'no signatures found \\342\\200\\256 \\302\\233' >&2; exit 10");
  await run(entry({ signature: { key: 'vendor.pub' } }));
  expect(readFileSync(join(folder, 'report.jsonl'), 'utf8')).toMatch(/^[\n\x20-\x7e]*\\u202e[\n\x20-\x7e]*$/);
});

test('a registry that is busy for as long as Retry-After says is asked again after that', async () => {
  const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  let [busyUntil, refused] = [0, 0];
  upstream.refuse = (_, path) => {
    if (!path.includes('/manifests/')) return undefined;
    busyUntil ||= Date.now() + 1000;
    if (Date.now() >= busyUntil) return undefined;
    refused += 1;
    return { status: 429, headers: { 'retry-after': '1' } };
  };
  expect(await run(entry())).toMatchObject({ answers: [{ answer: 'imported', digest }] });
  expect(refused).toBeLessThanOrEqual(2);
});

test.each([
  [
    { identity: 'builder@example.com', issuer: 'https://accounts.example.com' },
    '--certificate-identity builder@example.com --certificate-oidc-issuer https://accounts.example.com',
  ],
  [{ key: 'vendor.pub' }, '--key FOLDER/vendor.pub'],
  [{ key: 'vendor.pub', log: 'none' }, '--key FOLDER/vendor.pub --insecure-ignore-tlog=true'],
])('the signature %j is verified of the digest that is imported', async (signature, args) => {
  const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
  program('cosign', `echo "$*" > ${folder}/calls`);
  expect(await run(entry({ signature }))).toMatchObject({ answers: [{ answer: 'imported', digest }] });
  const call = readFileSync(join(folder, 'calls'), 'utf8').trim().replace(folder, 'FOLDER');
  expect(call).toBe(`verify ${args} ${upstream.host}/${SOURCE}@${digest}`);
});

(hasCosign ? describe : describe.skip)('a signature', () => {
  const cosign = (...args: readonly string[]) =>
    new Promise<number | null>((resolve) => {
      const env = { ...process.env, COSIGN_PASSWORD: '', HOME: folder };
      spawn('cosign', args, { cwd: folder, env, stdio: 'ignore' }).once('close', resolve);
    });
  /** No transparency log has a key of this test: the form of cosign 2, and the one of cosign 3 as a bundle. */
  const FORMS = {
    signature: ['--tlog-upload=false', '--use-signing-config=false', '--new-bundle-format=false'],
    bundle: ['--signing-config', 'offline.json'],
  };
  const sign = (key: string, digest: string, form: keyof typeof FORMS) =>
    cosign('sign', '--yes', '--key', `${key}.key`, ...FORMS[form], `${upstream.host}/${SOURCE}@${digest}`);
  beforeEach(async () => {
    for (const name of ['ours', 'theirs'])
      expect(await cosign('generate-key-pair', '--output-key-prefix', name)).toBe(0);
    expect(await cosign('signing-config', 'create', '--out', 'offline.json')).toBe(0);
  });
  const signed = () => entry({ signature: { key: 'ours.pub', log: 'none' } });

  const forms = ['signature', 'bundle'] as const;
  test.each(forms)('in the form of a %s, by the key of the entry, is accepted', async (form) => {
    const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
    expect(await sign('ours', digest, form)).toBe(0);
    expect(await run(signed())).toMatchObject({ code: 0, answers: [{ answer: 'imported', signature: 'ours.pub' }] });
  });

  test.each(forms)('in the form of a %s, by another key, of another image, or none, is refused', async (form) => {
    const digest = upstream.pushIndex(SOURCE, ['trixie-slim'], both('one'));
    expect(await run(signed())).toMatchObject({ code: 1, answers: [{ answer: 'wrong-signature' }] });
    expect(await sign('theirs', digest, form)).toBe(0);
    expect(await run(signed())).toMatchObject({ code: 1, answers: [{ answer: 'wrong-signature' }] });
    expect(await sign('ours', digest, form)).toBe(0);
    upstream.pushIndex(SOURCE, ['trixie-slim'], both('two'));
    expect(await run(signed())).toMatchObject({ code: 1, answers: [{ answer: 'wrong-signature' }] });
    expect(ours.tagsOf(REPOSITORY)).toEqual({});
  });
});
