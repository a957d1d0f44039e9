import type { Random } from './random.ts';
import type { FleetFile, FleetImageOs } from './schema.ts';

type Vulnerability = NonNullable<FleetFile['vulnerabilities']>[number];

/** How far back generated releases go, in days. */
export const HISTORY_DAYS = 400;
const RELEASE_DAYS = 28;

interface Package {
  readonly name: string;
  /** Version of its n-th release. */
  readonly version: (release: number) => string;
}

const debian = (name: string, upstream: string, suffix = ''): Package => ({
  name,
  version: (release) => `${upstream}.${release}-1~deb12u${release}${suffix}`,
});
const alpine = (name: string, upstream: string): Package => ({ name, version: (r) => `${upstream}.${r}-r${r % 3}` });

const DEBIAN_BASE = [
  debian('base-files', '12'),
  debian('bash', '5.2'),
  debian('ca-certificates', '2024'),
  debian('libc6', '2.36'),
  debian('libgcrypt20', '1.10'),
  debian('libgnutls30', '3.7'),
  debian('libssl3', '3.0'),
  debian('libsystemd0', '252'),
  debian('libxml2', '2.9'),
  debian('perl-base', '5.36'),
  debian('tzdata', '2024'),
  debian('zlib1g', '1:1.2'),
] as const;
const ALPINE_BASE = [
  alpine('alpine-baselayout', '3.6'),
  alpine('busybox', '1.36'),
  alpine('libcrypto3', '3.3'),
  alpine('libssl3', '3.3'),
  alpine('musl', '1.2'),
  alpine('zlib', '1.3'),
] as const;

/** Packages of the bases, and of the runtimes that platforms add. */
export const BASE_PACKAGES: Readonly<Record<FleetImageOs, readonly Package[]>> = {
  debian: DEBIAN_BASE,
  distroless: DEBIAN_BASE.filter(({ name }) => ['base-files', 'libc6', 'libssl3', 'tzdata', 'zlib1g'].includes(name)),
  alpine: ALPINE_BASE,
  scratch: [],
  unknown: [],
};
export const RUNTIMES: readonly Package[] = [
  debian('nodejs', '22'),
  debian('python3.11', '3.11'),
  debian('openjdk-21-jre-headless', '21.0'),
  debian('golang-1.22', '1.22'),
  debian('ruby3.1', '3.1'),
  debian('php8.2-cli', '8.2'),
];
const LIBRARIES: readonly Package[] = [
  debian('libpq5', '15'),
  debian('libjemalloc2', '5.3'),
  debian('imagemagick', '6.9'),
];

/** The versions that were current so many days ago: every package is released every four weeks. */
export function versionsAt(packages: readonly Package[], daysAgo: number): Record<string, string> {
  return Object.fromEntries(packages.map((p) => [p.name, p.version(releaseAt(p, daysAgo))]));
}

/** Packages an application may add on top of Debian. */
export function someLibraries(random: Random, daysAgo: number): Record<string, string> {
  return versionsAt(
    LIBRARIES.filter(() => random.chance(0.15)),
    daysAgo,
  );
}

/** One in five vulnerabilities has no fix; the others are fixed by the release that was current when they came out. */
export function someVulnerabilities(random: Random, count: number): Vulnerability[] {
  const packages = [...DEBIAN_BASE, ...RUNTIMES, ...LIBRARIES, ...ALPINE_BASE];
  return Array.from({ length: count }, (_, n) => {
    const affected = random.pick(packages);
    const publishedDaysAgo = random.int(1, HISTORY_DAYS / 2);
    const isAlpine = ALPINE_BASE.some((candidate) => candidate === affected);
    return {
      id: `CVE-2026-${40_000 + n}`,
      package: affected.name,
      distribution: isAlpine ? 'alpine' : 'debian',
      severity: random.pick(['CRITICAL', 'HIGH', 'HIGH', 'MEDIUM', 'MEDIUM', 'MEDIUM', 'LOW', 'LOW', 'INFORMATIONAL']),
      publishedDaysAgo,
      ...(random.chance(0.8) && { fixedIn: affected.version(releaseAt(affected, publishedDaysAgo)) }),
    };
  });
}

function releaseAt({ name }: Package, daysAgo: number): number {
  // Packages are not all released on one day: the name shifts the rhythm.
  const shift = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % RELEASE_DAYS;
  return Math.floor((HISTORY_DAYS + RELEASE_DAYS + shift - daysAgo) / RELEASE_DAYS);
}
