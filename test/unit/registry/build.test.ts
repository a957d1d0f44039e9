import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { argumentsOf, type Head, tagsOf } from '../../../local/pipelines/project-build.ts';

/* registry/build.sh with programs that only record how they are called. */

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchwave-build-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, text: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

const PUSHED = `registry.example/base/debian-13@sha256:${'1'.repeat(64)}`;
/** What `docker` prints and writes; the layers of the pushed image are those that were tested. */
const ANSWERS = `case "$*" in
  login*) cat >/dev/null ;;
  'image inspect tested'*) echo '["sha256:a","sha256:b"]' ;;
  *'imagetools inspect registry.example'*) echo '{"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:a", "sha256:b"]}}' ;;
  *inspect*) echo sha256:parent ;;
  *--metadata-file*) echo '{"containerimage.digest":"${PUSHED.split('@')[1]}"}' > pushed.json ;;
esac`;

const environment = {
  ...{ REGISTRY: 'registry.example', REPOSITORY: 'base/debian-13', CONTEXT: 'registry' },
  ...{ DOCKERFILE: 'base/debian/Dockerfile', PARENT: 'upstream.example/debian', PARENT_TAG: 'trixie-slim' },
  ...{ BUILD_ARGUMENTS: '--build-arg PACKAGE=nodejs', TEST_COMMAND: 'cat /etc/os-release' },
  ...{ SOURCE: 'org/images', REVISION: 'abc', PATCHWAVE_REBUILD_ID: 'rebuild-1', BUILD_NUMBER: '7' },
};

interface Asked {
  /** What `aws` says of the tag `stable`. */
  readonly ofHead?: string;
  /** What `aws` says of the tags `build-*`: pages of a repository without any are empty lines. */
  readonly ofBuilds?: string;
  readonly rebuildId?: string;
}
const FIRST: Asked = { ofHead: 'echo ImageNotFound', rebuildId: 'none' };

/** The calls of `docker`, what the build says at its end, and the exit code. */
function build(candidate: boolean, docker = '', { ofHead = ':', ofBuilds = 'echo; echo', rebuildId }: Asked = {}) {
  program('aws', `case "$*" in *batch-get-image*) ${ofHead} ;; *list-images*) ${ofBuilds} ;; *) echo password ;; esac`);
  // A program that does not read the password breaks the pipe of the one that writes it.
  program('docker', `${docker}\n${ANSWERS}`);
  const { status, stderr } = spawnSync('bash', [join(process.cwd(), 'registry', 'build.sh')], {
    cwd: folder,
    env: {
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      ...{ ...environment, CANDIDATE: String(candidate), ...(rebuildId && { PATCHWAVE_REBUILD_ID: rebuildId }) },
    },
    encoding: 'utf8',
  });
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  return { status, said: stderr, calls: calls.filter((call) => call.startsWith('docker ')) };
}

test('the image is built afresh on the resolved parent, tested, pushed by its digest, then tagged as a candidate', () => {
  const { status, calls } = build(true);
  expect(status).toBe(0);
  const [login, create, inspect, fresh = '', run, pushed = '', tested, layers, own, tags, ...others] = calls;
  expect([login, create, inspect]).toEqual([
    expect.stringMatching(/^docker login .* registry\.example$/),
    'docker buildx create --use',
    expect.stringMatching(/^docker buildx imagetools inspect upstream\.example\/debian:trixie-slim /),
  ]);
  for (const part of ['--no-cache', '--pull', '--load', '--build-arg PACKAGE=nodejs']) expect(fresh).toContain(part);
  expect(run).toBe('docker run --rm --network none --entrypoint  tested cat /etc/os-release');
  for (const build of [fresh, pushed]) {
    expect(build).toContain('--build-arg BASE_TAG=trixie-slim@sha256:parent ');
    expect(build).toContain('--build-arg PATCHWAVE_REBUILD_ID=rebuild-1 ');
  }
  for (const part of ['--provenance=mode=max', '--sbom=true', 'push-by-digest=true', '--metadata-file pushed.json'])
    expect(pushed).toContain(part);
  expect(pushed).not.toContain('--tag');
  expect([tested, layers]).toEqual([
    expect.stringMatching(/^docker image inspect tested /),
    expect.stringContaining(`docker buildx imagetools inspect ${PUSHED} `),
  ]);
  const image = 'registry.example/base/debian-13';
  expect(own).toMatch(new RegExp(`^docker buildx imagetools create --tag ${image}:build-\\d{8}-7 ${PUSHED}$`));
  expect(tags).toBe(`docker buildx imagetools create --tag ${image}:stable-candidate ${PUSHED}`);
  expect(others).toEqual([]);
});

test('an application has no candidate and no head', () => {
  const { status, calls } = build(false, '', FIRST);
  expect(status).toBe(0);
  expect(calls.join('\n')).not.toContain(':stable');
});

const isHead = (calls: readonly string[]) => calls.some((call) => call.includes('base/debian-13:stable '));

test('the first image of a repository is its head, because no other image can be', () => {
  const { status, calls } = build(true, '', FIRST);
  expect(status).toBe(0);
  expect(isHead(calls)).toBe(true);
});

test('a later image is no head: Patchwave promotes it', () => {
  expect(isHead(build(true).calls)).toBe(false);
});

test.each<[string, Asked]>([
  ['the repository has an earlier build', { ...FIRST, ofBuilds: 'echo; echo build-20261101-1' }],
  ['Patchwave asked for it', { ...FIRST, rebuildId: 'rebuild-1' }],
])('an image does not replace a head that is gone if %s', (_, asked) => {
  const { status, said, calls } = build(true, '', asked);
  expect(isHead(calls)).toBe(false);
  expect(calls.join('\n')).toMatch(/:build-\d{8}-7 .*:stable-candidate /s);
  expect(said).toContain('its head is gone');
  expect(status).not.toBe(0);
});

test.each<[string, Asked]>([
  ['there is a head', { ofHead: 'exit 1' }],
  ['there are earlier builds', { ...FIRST, ofBuilds: 'exit 1' }],
])('no image gets a tag if the build cannot read whether %s', (_, asked) => {
  const { status, calls } = build(true, '', asked);
  expect(status).not.toBe(0);
  expect(calls.filter((call) => call.includes('imagetools create'))).toEqual([]);
});

test.each<[string, boolean, Head, Asked]>([
  ['a candidate', true, 'kept', {}],
  ['a first image', true, 'first', FIRST],
  ['an image without a head', true, 'gone', { ofHead: 'echo ImageNotFound' }],
  ['an application', false, 'kept', {}],
])('the builder of the embedded cloud gives %s the same tags and arguments', (_, candidate, head, asked) => {
  const { calls } = build(candidate, '', asked);
  const valuesOf = (option: string, of: string) =>
    [
      ...calls
        .filter((call) => call.includes(of))
        .join('\n')
        .matchAll(new RegExp(`--${option} (\\S+)`, 'g')),
    ].map(([, value]) => value);
  const own = {
    ...{ ...environment, CANDIDATE: String(candidate) },
    ...(asked.rebuildId && { PATCHWAVE_REBUILD_ID: asked.rebuildId }),
  };
  const image = `${environment.REGISTRY}/${environment.REPOSITORY}`;
  expect(valuesOf('tag', 'imagetools create').sort()).toEqual(
    tagsOf(own, head, Date.now())
      .map((tag) => `${image}:${tag}`)
      .sort(),
  );
  const { buildArguments, target } = argumentsOf(own, 'sha256:parent');
  expect(valuesOf('build-arg', 'push=true').sort()).toEqual(
    [...buildArguments].map(([name, value]) => `${name}=${value}`).sort(),
  );
  expect(target).toBeUndefined();
});

test.each(['login', 'inspect', 'no-cache', 'run'])('nothing is pushed if the step with %s fails', (step) => {
  const { status, calls } = build(true, `case "$*" in *${step}*) exit 1 ;; esac`);
  expect(status).not.toBe(0);
  expect(calls.filter((call) => call.includes('push=true'))).toEqual([]);
});

test.each([
  ['other layers', `'{"rootfs":{"diff_ids":["sha256:a","sha256:new"]}}'`],
  ['no layers', `'{}'`],
  ['nothing', "''"],
])('an image that has %s in the registry gets no tag', (_, answer) => {
  const said = `case "$*" in *'imagetools inspect registry.example'*) echo ${answer}; exit 0 ;; esac`;
  const { status, calls } = build(true, said);
  expect(status).not.toBe(0);
  expect(calls.filter((call) => call.includes('imagetools create'))).toEqual([]);
});
