import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { REBUILD_LABEL } from '../../shared/domain/cause/rebuild.ts';

/*
 * The images of registry/ on Debian, built for real from the package archive of Debian. They need no daemon and no
 * registry: debootstrap makes what the image of the distribution has, and buildah builds in a changed root.
 */

jest.setTimeout(20 * 60_000);

const MIRROR = 'http://deb.debian.org';
const CONTROLS = 'hardening/controls';
let folder = '';

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

function run(program: string, ...args: readonly string[]): Ended {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return { status, output: `${stdout}${stderr}` };
}

function succeed(program: string, ...args: readonly string[]): string {
  const { status, output } = run(program, ...args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${output.slice(-4_000)}`);
  return output.trim();
}

const buildahArgs = (args: readonly string[]): readonly string[] => [
  ...['--storage-driver', 'vfs', '--root', join(folder, 'root'), '--runroot', join(folder, 'run')],
  ...args,
];
const buildah = (...args: readonly string[]): string => succeed('buildah', ...buildahArgs(args));

interface Build {
  readonly dockerfile: string;
  readonly parent: string;
  readonly name: string;
  readonly context?: string;
  readonly args?: readonly string[];
}

function tryToBuild({ dockerfile, parent, name, context = 'registry', args = [] }: Build): Ended {
  return run(
    'buildah',
    ...buildahArgs(['bud', '--isolation', 'chroot', '--format', 'docker', '--no-cache', '--pull-never']),
    ...['--build-arg', `BASE=localhost/${parent}`, '--build-arg', 'BASE_TAG=latest', ...args],
    ...['--file', join(context, dockerfile), '--tag', `localhost/${name}:latest`, context],
  );
}

function build(image: Build): void {
  const { status, output } = tryToBuild(image);
  if (status !== 0) throw new Error(`the build of ${image.name} failed: ${output.slice(-4_000)}`);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchwave-images-'));
  const root = join(folder, 'debian');
  succeed('debootstrap', '--variant=minbase', 'trixie', root, `${MIRROR}/debian`);
  // The image of the distribution names these suites, too.
  writeFileSync(
    join(root, 'etc/apt/sources.list'),
    `deb ${MIRROR}/debian trixie main
deb ${MIRROR}/debian trixie-updates main
deb ${MIRROR}/debian-security trixie-security main
`,
  );
  succeed('tar', '-C', root, '-cf', join(folder, 'debian.tar'), '.');
  const container = buildah('from', 'scratch');
  buildah('add', '--quiet', container, join(folder, 'debian.tar'), '/');
  buildah('commit', '--quiet', '--rm', container, 'localhost/debian:latest');
  build({ dockerfile: 'base/debian/Dockerfile', parent: 'debian', name: 'base' });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the base has its own labels and runs as an unprivileged user', () => {
  const args = ['--build-arg', 'PATCHWAVE_REBUILD_ID=rebuild-1', '--build-arg', 'PACKAGE=python3'];
  build({ dockerfile: 'platform/python/Dockerfile', parent: 'base', name: 'python', args });
  const configOf = (name: string) => {
    const { Docker } = JSON.parse(buildah('inspect', '--type', 'image', `localhost/${name}:latest`));
    return Docker.config as { readonly User: string; readonly Labels: Readonly<Record<string, string>> };
  };
  expect(configOf('base')).toMatchObject({ User: '10001', Labels: { [REBUILD_LABEL]: 'none' } });
  expect(configOf('python')).toMatchObject({
    User: '10001',
    Labels: { [REBUILD_LABEL]: 'rebuild-1', 'org.opencontainers.image.base.name': 'localhost/base:latest' },
  });
});

/** A control without a branch for a distribution has no step on it. */
const controls = readdirSync(join('registry', CONTROLS)).filter((file) => {
  const text = readFileSync(join('registry', CONTROLS, file), 'utf8');
  return !text.includes('case "$ID"') || text.includes('debian)');
});

test.each(controls)('without the step of %s its check fails the build, and no other check does', (file) => {
  const context = join(folder, file);
  cpSync('registry', context, { recursive: true });
  const control = join(context, CONTROLS, file);
  const text = readFileSync(control, 'utf8');
  writeFileSync(control, text.replace('harden() {\n', 'harden() {\n  return\n'));
  const { status, output } = tryToBuild({
    ...{ dockerfile: 'base/debian/Dockerfile', parent: 'debian', name: 'unhardened', context },
  });
  expect(status).not.toBe(0);
  expect([...output.matchAll(/^hardening: (\w+) failed: (\S+)/gm)].map(([, what, of]) => [what, of])).toEqual([
    ['check', `controls/${file}`],
  ]);
});

test('the distroless application has no shell and no package manager, but the package database', () => {
  const args = ['--build-arg', 'PACKAGE=nodejs', '--build-arg', 'NPM_PACKAGE=npm', '--target', 'distroless'];
  build({ dockerfile: 'platform/node/Dockerfile', parent: 'base', name: 'node', args: args.slice(0, 2) });
  build({ dockerfile: 'application/node/Dockerfile', parent: 'node', name: 'distroless', args: args.slice(2) });
  const container = buildah('from', '--pull-never', 'localhost/distroless:latest');
  const root = buildah('mount', container);
  expect(readdirSync(join(root, 'usr/bin'))).toEqual(expect.arrayContaining(['node']));
  for (const gone of ['sh', 'dash', 'apt-get', 'dpkg', 'find'])
    expect(existsSync(join(root, 'usr/bin', gone))).toBe(false);
  expect(readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8')).toMatch(/^Package: libc6$/m);
  expect(buildah('run', '--isolation', 'chroot', container, '--', 'node', '--check', 'server.mjs')).toBe('');
});
