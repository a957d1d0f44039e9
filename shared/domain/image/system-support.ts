import { DAY_MS } from '../common/time.ts';
import type { ImageSystem } from './system.ts';
import systemEnds from './system-ends.json' with { type: 'json' };

/** When each system gets no more security updates that everybody may use, with the page that says it. */
interface SystemEnds {
  readonly name: string;
  readonly page: string;
  /** By version; the day is the last one with support. */
  readonly ends: Readonly<Record<string, string>>;
}

const SYSTEMS: Readonly<Record<string, SystemEnds>> = systemEnds.systems;

/** A system is reported so long before its end. */
export const WARN_DAYS = 90;

/**
 * How long a system gets updates. `none`: the image has no system. `unknown`: its system could not be read, or no date of it is
 * known, as of a rolling one.
 */
export type SystemSupport =
  | { readonly state: 'supported' | 'ends-soon' | 'ended'; readonly endsAtEpochMs: number }
  | { readonly state: 'none' | 'unknown' };

export function systemSupport(system: ImageSystem | undefined, nowEpochMs: number): SystemSupport {
  if (system?.kind === 'none') return { state: 'none' };
  const endsAtEpochMs = system && systemEndOf(system);
  if (endsAtEpochMs === undefined) return { state: 'unknown' };
  if (endsAtEpochMs <= nowEpochMs) return { state: 'ended', endsAtEpochMs };
  return { state: endsAtEpochMs - WARN_DAYS * DAY_MS <= nowEpochMs ? 'ends-soon' : 'supported', endsAtEpochMs };
}

/** The instant after the last day with support; `undefined` if no date of the system is known. */
function systemEndOf(system: ImageSystem): number | undefined {
  if (system.kind !== 'named' || system.version === undefined || !Object.hasOwn(SYSTEMS, system.id)) return undefined;
  const { ends } = SYSTEMS[system.id] as SystemEnds;
  // Alpine 3.19.1 is of 3.19, and Red Hat's 9.4 of 9.
  const parts = system.version.split('.');
  const releases = parts.map((_, n) => parts.slice(0, parts.length - n).join('.'));
  const release = releases.find((one) => Object.hasOwn(ends, one));
  return release === undefined ? undefined : Date.parse(ends[release] as string) + DAY_MS;
}

/** Its name for people, such as `Alpine Linux 3.19.1`. */
export function systemText({ id, version }: { readonly id: string; readonly version?: string }): string {
  const name = Object.hasOwn(SYSTEMS, id) ? (SYSTEMS[id] as SystemEnds).name : id;
  return version === undefined ? name : `${name} ${version}`;
}
