import type { Features } from './features.ts';

/*
 * Names, versions, labels, tags and reasons as somebody hostile writes them: separators of keys, names of members that objects
 * have by themselves, control characters, text that runs backwards, and text that is very long. Each is allowed where it is
 * used. No statement may depend on any of it.
 */

const PACKAGES: Readonly<Record<string, string>> = {
  openssl: '__proto__',
  zlib: 'z#l|i b',
  node: 'no\u202Ede\u2066',
  icu: '\u001B[31micu\u0000\n',
  lodash: '@scope/lodash#../@sha256:',
  axios: `a${'x'.repeat(600)}`,
};
/** Behind an id, so that each stays unique. */
const IDS = ['#openssl', '|z#l|i b', '\u202E', '/../..', ' __proto__', 'x'.repeat(200)];
const VERSION = '-1:\u202E#|"\u001B[0m\n';
const SERVICES = ['__proto__', 'constructor', 'hasOwnProperty', `toString-${'x'.repeat(200)}`];
/** A tag is up to 128 letters, digits, points, hyphens and underscores. */
const TAGS = ['__proto__', 'constructor', 'x'.repeat(128)];

/** What a package, a flaw and others are called: as they are, or hostile where a seed has that. */
export interface HostileNames {
  package(name: string): string;
  /** @param nth counts the flaws from 0 */
  flaw(id: string, nth: number): string;
  /** What stands behind each version. */
  readonly versionEnd: string;
  /** @param nth counts the services from 0 */
  service(name: string, nth: number): string;
  readonly container: string;
  /** A second container of a service. */
  readonly side: string;
  branchTag(tag: string, nth: number): string;
  reason(text: string): string;
  readonly labels: Readonly<Record<string, string>>;
}

const PLAIN: HostileNames = {
  package: (name) => name,
  flaw: (id) => id,
  versionEnd: '',
  service: (name) => name,
  container: 'main',
  side: 'side',
  branchTag: (tag) => tag,
  reason: (text) => text,
  labels: {},
};

const HOSTILE: HostileNames = {
  package: (name) => PACKAGES[name] ?? name,
  flaw: (id, nth) => `${id}${IDS[nth % IDS.length]}`,
  versionEnd: VERSION,
  service: (name, nth) => SERVICES[nth] ?? name,
  container: '__proto__',
  side: 'constructor',
  branchTag: (tag, nth) => TAGS[nth % TAGS.length] ?? tag,
  reason: (text) => `${text}\u0000\u001B]0;t\u0007|${'long '.repeat(2000)}`,
  labels: Object.fromEntries([
    ['__proto__', 'polluted'],
    ['org.opencontainers.image.title', '\u202E#|\u0000'],
    ['org.opencontainers.image.version', 'v'.repeat(5000)],
  ]),
};

export const namesFor = ({ has }: Pick<Features, 'has'>): HostileNames => (has('hostile-text') ? HOSTILE : PLAIN);
