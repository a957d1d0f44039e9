import type { TarFile } from './tar.ts';

/** How an image names its operating system and keeps its packages; `scratch` and `unknown` keep none. */
export type ImageOs = 'debian' | 'alpine' | 'distroless' | 'scratch' | 'unknown';
export type Architecture = 'amd64' | 'arm64';
/** Package name to version. */
export type Packages = Readonly<Record<string, string>>;

const DEBIAN_STATUS = 'var/lib/dpkg/status';
const DISTROLESS_STATUS = 'var/lib/dpkg/status.d/';
const ALPINE_INSTALLED = 'lib/apk/db/installed';

const OS_RELEASE: Readonly<Record<ImageOs, readonly string[]>> = {
  debian: ['PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', 'NAME="Debian GNU/Linux"', 'VERSION_ID="12"', 'ID=debian'],
  distroless: ['PRETTY_NAME="Distroless"', 'NAME="Debian GNU/Linux"', 'VERSION_ID="12"', 'ID=debian'],
  // A rolling version has no end.
  alpine: ['NAME="Alpine Linux"', 'ID=alpine', 'VERSION_ID=3.24_alpha20260805', 'PRETTY_NAME="Alpine Linux edge"'],
  unknown: ['NAME="In-house Linux"', 'ID=inhouse', 'VERSION_ID=7'],
  scratch: [],
};

/** The files that tell a scanner the operating system. */
export function osReleaseFiles(os: ImageOs): TarFile[] {
  const lines = OS_RELEASE[os];
  return lines.length === 0 ? [] : [{ path: 'etc/os-release', content: `${lines.join('\n')}\n` }];
}

/**
 * The package database a layer holds after `installed` was added to it: Debian (dpkg status, deb-control(5)) and
 * Alpine (apk-tools, installed v2) write the whole file anew, distroless has one file per package.
 */
export function packageFiles(os: ImageOs, architecture: Architecture, all: Packages, installed: Packages): TarFile[] {
  switch (os) {
    case 'debian':
      return [
        {
          path: DEBIAN_STATUS,
          content: entries(all)
            .map((p) => debianStanza(p, architecture))
            .join(''),
        },
      ];
    case 'alpine':
      return [
        {
          path: ALPINE_INSTALLED,
          content: entries(all)
            .map((p) => alpineStanza(p, architecture))
            .join(''),
        },
      ];
    case 'distroless':
      return entries(installed).map((entry) => ({
        path: `${DISTROLESS_STATUS}${entry[0]}`,
        content: debianStanza(entry, architecture),
      }));
    default:
      return [];
  }
}

/** The operating system and packages of an image, read from the files of its layers, lowest first. */
export function readPackages(layers: readonly ReadonlyMap<string, string>[]): { os: ImageOs; packages: Packages } {
  const files = new Map(layers.flatMap((layer) => [...layer]));
  const release = files.get('etc/os-release');
  const alpine = files.get(ALPINE_INSTALLED);
  if (alpine !== undefined) return { os: 'alpine', packages: stanzas(alpine, 'P:', 'V:') };
  const debian = files.get(DEBIAN_STATUS);
  if (debian !== undefined) return { os: 'debian', packages: stanzas(debian, 'Package: ', 'Version: ') };
  const parts = [...files].filter(([path]) => path.startsWith(DISTROLESS_STATUS)).map(([, content]) => content);
  if (parts.length > 0) return { os: 'distroless', packages: stanzas(parts.join(''), 'Package: ', 'Version: ') };
  return { os: release === undefined ? 'scratch' : 'unknown', packages: {} };
}

function entries(packages: Packages): [string, string][] {
  return Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1));
}

function debianStanza([name, version]: [string, string], architecture: Architecture): string {
  return [
    `Package: ${name}`,
    'Status: install ok installed',
    'Priority: optional',
    'Section: misc',
    `Architecture: ${architecture}`,
    `Version: ${version}`,
    `Description: ${name}`,
    '\n',
  ].join('\n');
}

function alpineStanza([name, version]: [string, string], architecture: Architecture): string {
  const machine = architecture === 'amd64' ? 'x86_64' : 'aarch64';
  return [`P:${name}`, `V:${version}`, `A:${machine}`, `T:${name}`, `o:${name}`, '\n'].join('\n');
}

function stanzas(text: string, nameField: string, versionField: string): Packages {
  const packages: Record<string, string> = {};
  for (const stanza of text.split('\n\n')) {
    const lines = stanza.split('\n');
    const field = (prefix: string) => lines.find((line) => line.startsWith(prefix))?.slice(prefix.length);
    const name = field(nameField);
    const version = field(versionField);
    if (name !== undefined && version !== undefined) packages[name] = version;
  }
  return packages;
}
