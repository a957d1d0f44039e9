import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { untilSettled } from '../../local/acting.ts';
import { hostOf } from '../../local/builds/registry.ts';
import { startCompanion } from '../../local/companion.ts';
import { type Installation, install } from '../../local/installation.ts';
import { containersIn, homeOf } from '../integration/oracle/running.ts';
import { cascadesIn, endOf, heldIn, NOTHING_HELD, PLANNING, rebuildsOf } from '../support/acting.ts';
import { HUB, streamOf, TEAM } from '../support/acting-fleet.ts';
import { Buildah, debianRoot, succeed } from '../support/buildah.ts';
import { buildPackage, openArchive, type PackageArchive } from '../support/package-archive.ts';
import { RegistryGateways } from '../support/registry-gateways.ts';
import { baseStream, platformStream, tieredFleet } from '../support/tiered-fleet.ts';
import type { BuilderSettings } from './builder.ts';

/*
 * The whole loop, with a build by buildah for each tier. The base and the platform are those of registry/. What runs first
 * is small images of local/builds with the old package. Each build finds the old package in the image of Debian, and apt
 * upgrades it from a small archive, so the result depends on no release of Debian.
 */

jest.setTimeout(20 * 60_000);

const LIMIT_MS = 15 * 60_000;
const FLAW = { id: 'CVE-2026-40009', package: 'libsample1', fixedIn: '3.0.15-1' };
const OLD = '3.0.13-1';
const BUILDER = fileURLToPath(new URL('builder.ts', import.meta.url));

let folder = '';
let archive: PackageArchive | undefined;
let installation: Installation | undefined;
let buildah: Buildah;
const gateways = new RegistryGateways();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchwave-loop-'));
  const registriesConf = join(folder, 'registries.conf');
  await gateways.open(HUB, TEAM);
  writeFileSync(registriesConf, gateways.configuration);
  buildah = new Buildah(folder, { CONTAINERS_REGISTRIES_CONF: registriesConf });

  const old = await buildPackage(folder, { name: FLAW.package, version: OLD });
  archive = await openArchive([
    await buildPackage(folder, { name: FLAW.package, version: FLAW.fixedIn }),
    await buildPackage(folder, { name: 'runtime', version: '1.0', program: '#!/bin/sh\necho 1.0\n' }),
  ]);
  const root = join(folder, 'debian');
  await debianRoot(root);
  await succeed('dpkg', ['--root', root, '--install', old]);
  writeFileSync(join(root, 'etc/apt/sources.list'), archive.source);
  await buildah.importRoot(root, 'debian');

  const settings: BuilderSettings = {
    ...{ folder, registriesConf, addresses: gateways.addresses },
    builds: {
      debian: { context: 'registry', dockerfile: 'base/debian/Dockerfile' },
      // Its Dockerfile installs any package that is named like its program.
      runtime: {
        context: 'registry',
        dockerfile: 'platform/python/Dockerfile',
        args: ['--build-arg', 'PACKAGE=runtime'],
      },
      shop: { context: fileURLToPath(new URL('shop', import.meta.url)), dockerfile: 'Dockerfile' },
    },
  };
  const fleet = tieredFleet({
    flaw: FLAW,
    bases: [{ name: 'debian' }],
    platforms: [{ name: 'runtime', base: 'debian' }],
    apps: [{ name: 'shop', parent: 'runtime' }],
    services: { shop: ['shop'] },
  });
  installation = await install(fleet, {
    mode: 'enforce',
    parameters: { ScanPollSeconds: '1', ...PLANNING },
    startBuilder: (endpoint) => {
      gateways.endpoint = endpoint;
      return startCompanion(BUILDER, [endpoint, JSON.stringify(settings)]);
    },
  });
});

afterAll(async () => {
  await installation?.stop();
  await gateways.close();
  await archive?.close();
  rmSync(folder, { recursive: true, force: true });
});

function installed(): Installation {
  if (installation === undefined) throw new Error('nothing is installed');
  return installation;
}

/** The package at fault and its version in the image of each container that runs. */
async function packagesThatRun(): Promise<string[]> {
  const running = await containersIn(installed().cloud.endpoint, TEAM);
  return Promise.all(
    running.map(async ({ container }) => {
      const { repository = '' } = homeOf(container) ?? {};
      const image = `docker://${hostOf(TEAM)}/${repository}@${container.imageDigest}`;
      const root = await buildah.run('mount', await buildah.run('from', '--quiet', '--tls-verify=false', image));
      return succeed('dpkg-query', ['--admindir', join(root, 'var/lib/dpkg'), '--show', FLAW.package]);
    }),
  );
}

test('a base at fault is rebuilt, then its platform, then the application that runs', async () => {
  const { context, review } = installed();
  expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
  await untilSettled(context, LIMIT_MS);
  for (const stream of [baseStream('debian'), platformStream('runtime'), streamOf('shop')]) {
    const [rebuild, ...more] = await rebuildsOf(installed(), stream);
    expect([stream, rebuild?.outcome?.result, more]).toEqual([stream, 'fixed', []]);
  }
  const [cascade, ...others] = await cascadesIn(installed());
  expect([cascade && (await endOf(installed(), cascade)), others]).toEqual(['SUCCEEDED', []]);
  expect(await packagesThatRun()).toEqual([`${FLAW.package}\t${FLAW.fixedIn}`]);
});

test('the next review closes the cause', async () => {
  const { context, review } = installed();
  expect(await review()).toMatchObject({ status: 'SUCCEEDED' });
  expect(await untilSettled(context, LIMIT_MS)).toMatchObject({ causes: [], cascades: [] });
  expect(await heldIn(installed())).toEqual(NOTHING_HELD);
});
