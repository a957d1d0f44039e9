import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

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

/** The calls of `docker`, and the exit code. */
function build(candidate: boolean, docker = '') {
  program('aws', 'echo password');
  // A program that does not read the password breaks the pipe of the one that writes it.
  program('docker', `${docker}\ncase "$*" in login*) cat >/dev/null ;; *inspect*) echo sha256:parent ;; esac`);
  const { status } = spawnSync('bash', [join(process.cwd(), 'registry', 'build.sh')], {
    cwd: folder,
    env: {
      PATH: `${folder}${delimiter}${process.env.PATH}`,
      ...{ REGISTRY: 'registry.example', REPOSITORY: 'base/debian-13', CANDIDATE: String(candidate) },
      ...{ CONTEXT: 'registry', DOCKERFILE: 'base/debian/Dockerfile', PARENT: 'upstream.example/debian' },
      ...{
        PARENT_TAG: 'trixie-slim',
        BUILD_ARGUMENTS: '--build-arg PACKAGE=nodejs',
        TEST_COMMAND: 'cat /etc/os-release',
      },
      ...{ SOURCE: 'org/images', REVISION: 'abc', PATCHWAVE_REBUILD_ID: 'rebuild-1', BUILD_NUMBER: '7' },
    },
  });
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  return { status, calls: calls.filter((call) => call.startsWith('docker ')) };
}

test('the image is built afresh on the resolved parent, tested, then pushed as a candidate', () => {
  const { status, calls } = build(true);
  expect(status).toBe(0);
  const [login, create, inspect, fresh = '', run, pushed = '', ...others] = calls;
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
  for (const part of ['--provenance=mode=max', '--sbom=true', '--push', '--metadata-file pushed.json'])
    expect(pushed).toContain(part);
  expect(pushed).toMatch(/--tag registry\.example\/base\/debian-13:build-\d{8}-7 /);
  expect(pushed).toContain('--tag registry.example/base/debian-13:stable-candidate ');
  expect(others).toEqual([]);
});

test('an application has no candidate', () => {
  expect(build(false).calls.join('\n')).not.toContain('stable-candidate');
});

test.each(['login', 'inspect', 'no-cache', 'run'])('nothing is pushed if the step with %s fails', (step) => {
  const { status, calls } = build(true, `case "$*" in *${step}*) exit 1 ;; esac`);
  expect(status).not.toBe(0);
  expect(calls.filter((call) => call.includes('--push'))).toEqual([]);
});
