import type { Severity } from '../../../shared/domain/policy/policy-parts.ts';
import type { Finding, Fix } from '../../../shared/domain/scan/finding.ts';

/** A flaw of a package: all versions from the one in which it came in up to the one that fixes it. */
export interface Flaw {
  readonly id: string;
  readonly package: string;
  readonly severity: Severity;
  /** Version 1 where it was always there. */
  readonly since: number;
  /** Absent where no version fixes it. */
  readonly fixedIn?: number;
  /** From then on scanners know it. */
  readonly publishedAtEpochMs: number;
}

interface Release {
  readonly version: number;
  /** From then on a build gets it. */
  readonly availableAtEpochMs: number;
}

/** A package as it is installed. */
export interface Installed {
  readonly version: number;
  /** What a build writes into the version each time it runs. */
  readonly stamp?: string;
}

/** By name. */
export type TruePackages = ReadonlyMap<string, Installed>;

/** Whether scanners tell that a fix exists: never, or by what the archive has. */
export type FixTelling = 'unknown' | 'by-archive';

/** All packages there are, what is wrong with them, and since when anybody knows: what builds and scanners read. */
export class Archive {
  readonly #releases = new Map<string, Release[]>();
  readonly #flaws: Flaw[] = [];
  readonly tells: FixTelling;

  readonly #versionEnd: string;
  readonly #ofLanguages: ReadonlySet<string>;

  /**
   * @param versionEnd stands behind each version that scanners tell
   * @param ofLanguages packages of programming languages, which basic scanning does not list
   */
  constructor(versionEnd: string, tells: FixTelling, ofLanguages: ReadonlySet<string> = new Set()) {
    this.#versionEnd = versionEnd;
    this.tells = tells;
    this.#ofLanguages = ofLanguages;
  }

  isOfLanguage = ({ package: name }: Pick<Flaw, 'package'>): boolean => this.#ofLanguages.has(name);

  get flaws(): readonly Flaw[] {
    return this.#flaws;
  }

  get packages(): readonly string[] {
    return [...this.#releases.keys()];
  }

  /** Gives the version that is released. */
  release(name: string, availableAtEpochMs: number): number {
    const releases = this.#releases.get(name) ?? [];
    const version = releases.length + 1;
    this.#releases.set(name, [...releases, { version, availableAtEpochMs }]);
    return version;
  }

  publish(flaw: Flaw): void {
    this.#flaws.push(flaw);
  }

  /** The version that a build gets at an instant. */
  newest(name: string, atEpochMs: number): number {
    const there = (this.#releases.get(name) ?? []).filter(({ availableAtEpochMs }) => availableAtEpochMs <= atEpochMs);
    return Math.max(1, ...there.map(({ version }) => version));
  }

  /** How many versions there will be, whether anybody gets them yet or not. */
  latest(name: string): number {
    return this.#releases.get(name)?.length ?? 1;
  }

  /** Flaws of some packages that scanners know at an instant. */
  flawsIn(packages: TruePackages, atEpochMs: number): readonly Flaw[] {
    return this.#flaws.filter((flaw) => {
      const installed = packages.get(flaw.package);
      return installed !== undefined && flaw.publishedAtEpochMs <= atEpochMs && isFlawed(flaw, installed.version);
    });
  }

  /** Whether a fresh build would be rid of a flaw at an instant. */
  isMendable({ fixedIn, package: name }: Flaw, atEpochMs: number): boolean {
    return fixedIn !== undefined && this.newest(name, atEpochMs) >= fixedIn;
  }

  /** What a scanner tells of the fix at an instant. */
  fixOf(flaw: Flaw, atEpochMs: number): Fix {
    if (this.tells === 'unknown') return 'unknown';
    return this.isMendable(flaw, atEpochMs) ? 'yes' : 'no';
  }

  /** What Amazon Inspector finds at an instant. */
  findingsIn(packages: TruePackages, atEpochMs: number): readonly Finding[] {
    return this.flawsIn(packages, atEpochMs).map((flaw) => ({
      ...{ vulnerability: flaw.id, package: flaw.package, severity: flaw.severity },
      version: `${versionText(packages.get(flaw.package))}${this.#versionEnd}`,
      fix: this.fixOf(flaw, atEpochMs),
      ...(this.isOfLanguage(flaw) && { isLanguagePackage: true }),
    }));
  }

  /** What a basic scan finds at an instant. */
  basicFindingsIn = (packages: TruePackages, atEpochMs: number): readonly Finding[] =>
    this.findingsIn(packages, atEpochMs).filter(({ isLanguagePackage }) => !isLanguagePackage);

  flaw(id: string): Flaw | undefined {
    return this.#flaws.find((one) => one.id === id);
  }
}

export const isFlawed = ({ since, fixedIn }: Flaw, version: number): boolean =>
  version >= since && (fixedIn === undefined || version < fixedIn);

const versionText = (installed: Installed | undefined): string =>
  `1.${installed?.version ?? 0}${installed?.stamp ?? ''}`;
