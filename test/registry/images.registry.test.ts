import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { REBUILD_LABEL } from '../../shared/domain/cause/rebuild.ts';
import { Buildah, type BuildahBuild, debianRoot } from '../support/buildah.ts';

/*
 * The images of registry/ on Debian, built for real from the package archive of Debian. They need no daemon and no
 * registry: debootstrap makes what the image of the distribution has, and buildah builds in a changed root.
 */

jest.setTimeout(20 * 60_000);

const CONTROLS = 'hardening/controls';
let folder = '';
let buildah: Buildah;

const orderOf = ({
  parent,
  ...order
}: Pick<BuildahBuild, 'dockerfile' | 'name' | 'args'> & { readonly parent: string }) => ({
  ...{ context: 'registry', parent: { name: `localhost/${parent}`, tag: 'latest' } },
  ...order,
});
const build = (order: Parameters<typeof orderOf>[0]): Promise<void> => buildah.build(orderOf(order));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchwave-images-'));
  buildah = new Buildah(folder);
  await debianRoot(join(folder, 'debian'));
  await buildah.importRoot(join(folder, 'debian'), 'debian');
  await build({ dockerfile: 'base/debian/Dockerfile', parent: 'debian', name: 'base' });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the base has its own labels and runs as an unprivileged user', async () => {
  const args = ['--build-arg', 'PATCHWAVE_REBUILD_ID=rebuild-1', '--build-arg', 'PACKAGE=python3'];
  await build({ dockerfile: 'platform/python/Dockerfile', parent: 'base', name: 'python', args });
  const configOf = async (name: string) => {
    const { Docker } = JSON.parse(await buildah.run('inspect', '--type', 'image', `localhost/${name}:latest`));
    return Docker.config as { readonly User: string; readonly Labels: Readonly<Record<string, string>> };
  };
  expect(await configOf('base')).toMatchObject({ User: '10001', Labels: { [REBUILD_LABEL]: 'none' } });
  expect(await configOf('python')).toMatchObject({
    User: '10001',
    Labels: { [REBUILD_LABEL]: 'rebuild-1', 'org.opencontainers.image.base.name': 'localhost/base:latest' },
  });
});

/** What failed in a build that fails. buildah 1.28 loses what a program printed in one of some forty runs: then once more. */
async function failuresOf(order: BuildahBuild): Promise<string[][]> {
  for (let attempt = 1; ; attempt += 1) {
    const { status, output } = await buildah.tryToBuild(order);
    expect(status).not.toBe(0);
    const failures = [...output.matchAll(/^hardening: (\w+) failed: (\S+)/gm)];
    if (failures.length > 0 || attempt === 3) return failures.map(([, what = '', of = '']) => [what, of]);
  }
}

/** A control without a branch for a distribution has no step on it. */
const controls = readdirSync(join('registry', CONTROLS)).filter((file) => {
  const text = readFileSync(join('registry', CONTROLS, file), 'utf8');
  return !text.includes('case "$ID"') || text.includes('debian)');
});

test.each(controls)('without the step of %s its check fails the build, and no other check does', async (file) => {
  const context = join(folder, file);
  cpSync('registry', context, { recursive: true });
  const control = join(context, CONTROLS, file);
  const text = readFileSync(control, 'utf8');
  writeFileSync(control, text.replace('harden() {\n', 'harden() {\n  return\n'));
  const order = orderOf({ dockerfile: 'base/debian/Dockerfile', parent: 'debian', name: 'unhardened' });
  expect(await failuresOf({ ...order, context })).toEqual([['check', `controls/${file}`]]);
});

test('the distroless application has no shell and no package manager, but the package database', async () => {
  const args = ['--build-arg', 'PACKAGE=nodejs', '--build-arg', 'NPM_PACKAGE=npm', '--target', 'distroless'];
  await build({ dockerfile: 'platform/node/Dockerfile', parent: 'base', name: 'node', args: args.slice(0, 2) });
  await build({ dockerfile: 'application/node/Dockerfile', parent: 'node', name: 'distroless', args: args.slice(2) });
  const container = await buildah.run('from', '--pull-never', 'localhost/distroless:latest');
  const root = await buildah.run('mount', container);
  expect(readdirSync(join(root, 'usr/bin'))).toEqual(expect.arrayContaining(['node']));
  for (const gone of ['sh', 'dash', 'apt-get', 'dpkg', 'find'])
    expect(existsSync(join(root, 'usr/bin', gone))).toBe(false);
  expect(readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8')).toMatch(/^Package: libc6$/m);
  expect(await buildah.run('run', '--isolation', 'chroot', container, '--', 'node', '--check', 'server.mjs')).toBe('');
});
