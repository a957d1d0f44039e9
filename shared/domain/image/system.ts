/**
 * The operating system of an image, as the files of its lowest layers name it. `none`: no layer names one, as in images from
 * `scratch`. `unread`: what was read names none, and the rest is beyond the bound of a reading.
 */
export type ImageSystem =
  /** As `ID` and `VERSION_ID` of os-release say it; a rolling system has no version. */
  | { readonly kind: 'named'; readonly id: string; readonly version?: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unread' };

/** A system, with the instant at which Patchwave first read its name: an upgrade cannot know its end before. */
export type ReadSystem =
  | (Extract<ImageSystem, { kind: 'named' }> & { readonly readAtEpochMs: number })
  | Exclude<ImageSystem, { kind: 'named' }>;

/** Of two readings of an image the one with a name, and of two names the first: its layers never change. */
export function firstReading(one: ReadSystem | undefined, other: ReadSystem | undefined): ReadSystem | undefined {
  if (one?.kind !== 'named' || other?.kind !== 'named') return other?.kind === 'named' ? other : (one ?? other);
  return other.readAtEpochMs < one.readAtEpochMs ? other : one;
}

/**
 * Files that name the system, the best one first. os-release (freedesktop.org, os-release(5)) may lie beyond what is read of a large
 * layer; the others are in `etc`, which comes early. Ubuntu has a `debian_version` too.
 */
export const SYSTEM_FILES = [
  'etc/os-release',
  'usr/lib/os-release',
  'etc/alpine-release',
  'etc/lsb-release',
  'etc/system-release',
  'etc/redhat-release',
  'etc/debian_version',
] as const;

export type SystemFile = (typeof SYSTEM_FILES)[number];

/** A file that names the system fully: nothing more need be read. */
export const isOsRelease = (file: SystemFile): boolean => file === 'etc/os-release' || file === 'usr/lib/os-release';

/** The files of an image that name its system; each text comes from a build, so it may be anything. */
export interface SystemTexts {
  readonly files: Readonly<Partial<Record<SystemFile, string>>>;
  /** Absent if layers were read whole. */
  readonly isPartial?: true;
}

export function systemIn({ files, isPartial }: SystemTexts): ImageSystem {
  for (const file of SYSTEM_FILES) {
    const text = files[file];
    const named = text === undefined ? undefined : READERS[file](text);
    if (named) return { kind: 'named', ...named };
  }
  return { kind: isPartial || Object.keys(files).length > 0 ? 'unread' : 'none' };
}

interface Named {
  readonly id: string;
  readonly version?: string;
}

const READERS: Readonly<Record<SystemFile, (text: string) => Named | undefined>> = {
  'etc/os-release': readOsRelease,
  'usr/lib/os-release': readOsRelease,
  'etc/alpine-release': (text) => named('alpine', text.trim()),
  'etc/lsb-release': (text) => {
    const { DISTRIB_ID: id, DISTRIB_RELEASE: version } = assignmentsIn(text);
    return named(id?.toLowerCase(), version);
  },
  'etc/system-release': readRelease,
  'etc/redhat-release': readRelease,
  // Until a release is out, it names the releases that it may become: `trixie/sid`.
  'etc/debian_version': (text) => (/^\d+(\.\d+)?$/.test(text.trim()) ? named('debian', text.trim()) : undefined),
};

function readOsRelease(text: string): Named | undefined {
  const { ID, VERSION_ID } = assignmentsIn(text);
  return named(ID, VERSION_ID);
}

/** The names of Red Hat's family in their release files, longest first. */
const RELEASE_NAMES = {
  'Red Hat Enterprise Linux': 'rhel',
  'Amazon Linux': 'amzn',
  'Rocky Linux': 'rocky',
  AlmaLinux: 'almalinux',
  CentOS: 'centos',
} as const;

/** Such as `Red Hat Enterprise Linux release 9.4 (Plow)`. */
function readRelease(text: string): Named | undefined {
  const name = Object.keys(RELEASE_NAMES).find((one) => text.startsWith(one)) as keyof typeof RELEASE_NAMES | undefined;
  const [, version] = / release (\d+(?:\.\d+)*)/.exec(text.slice(0, LONGEST_LINE)) ?? [];
  return name && version !== undefined ? named(RELEASE_NAMES[name], version) : undefined;
}

const LONGEST_LINE = 256;

/** What os-release(5) allows for `ID` and `VERSION_ID`, of a sensible length. */
const WORD = /^[a-zA-Z0-9._~+-]{1,64}$/;

function named(id: string | undefined, version: string | undefined): Named | undefined {
  if (id === undefined || !WORD.test(id)) return undefined;
  return { id, ...(version !== undefined && WORD.test(version) && { version }) };
}

/** Lines such as `ID="alpine"`, as a shell reads them; the last of a name counts. */
function assignmentsIn(text: string): Readonly<Record<string, string | undefined>> {
  const lines = text.split('\n').flatMap((line) => {
    const [, name, value] = /^([A-Z_]{1,64})=(.{0,200})$/.exec(line.trim()) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value.replace(/^(["'])(.*)\1$/, '$2')] as const];
  });
  return Object.fromEntries(lines);
}
