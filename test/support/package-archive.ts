/** A package archive of Debian packages that hold next to nothing. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { succeed } from './buildah.ts';

export interface SamplePackage {
  readonly name: string;
  readonly version: string;
  /** The text of a program with the name of the package, if it has one. */
  readonly program?: string;
}

/** Builds the file of a package in a folder; gives its path. */
export async function buildPackage(folder: string, { name, version, program }: SamplePackage): Promise<string> {
  const root = join(folder, `${name}_${version}`);
  mkdirSync(join(root, 'DEBIAN'), { recursive: true });
  const maintainer = 'Patchwave <noreply@example.com>';
  writeFileSync(
    join(root, 'DEBIAN/control'),
    `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: ${maintainer}\nDescription: a sample\n`,
  );
  if (program !== undefined) {
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    writeFileSync(join(root, 'usr/bin', name), program);
    chmodSync(join(root, 'usr/bin', name), 0o755);
  }
  await succeed('dpkg-deb', ['--root-owner-group', '--build', root, `${root}.deb`]);
  return `${root}.deb`;
}

/** Serves packages to apt. */
export class PackageArchive {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** The line of sources.list. The archive has no signature, so the line says to trust it. */
  get source(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `deb [trusted=yes] http://127.0.0.1:${port}/ ./\n`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), 'close');
  }
}

export async function openArchive(packages: readonly string[]): Promise<PackageArchive> {
  const files = new Map(packages.map((path) => [`/./${basename(path)}`, readFileSync(path)]));
  const entries = await Promise.all(packages.map(entryOf));
  files.set('/./Packages', Buffer.from(entries.join('\n')));
  const server = createServer((asked, answer) => {
    const content = files.get(asked.url ?? '');
    answer.writeHead(content ? 200 : 404).end(content);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return new PackageArchive(server);
}

async function entryOf(path: string): Promise<string> {
  const bytes = readFileSync(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const fields = await succeed('dpkg-deb', ['--field', path]);
  return `${fields}\nFilename: ./${basename(path)}\nSize: ${bytes.length}\nSHA256: ${sha256}\n`;
}
