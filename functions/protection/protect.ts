import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { namedFailure } from '../../shared/domain/failure-text.ts';
import { type ImageLocation, locationKey } from '../../shared/domain/image.ts';
import type { Looked, RepositoryLook } from '../../shared/domain/image-loss.ts';
import { movingTags } from '../../shared/domain/moving-tags.ts';
import type { Policy } from '../../shared/domain/policy.ts';
import type { UsedRepository } from '../../shared/domain/used-images.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { LossLedger } from '../../shared/ports/losses.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import { OutOfTimeError, ProtectionIncompleteError } from './errors.ts';
import { type KeepPorts, keep } from './keep.ts';
import { type LookPorts, lookAt } from './look.ts';
import { type ReadUsedPorts, readUsed } from './read-used.ts';

/** A repository is listed as a whole; so many lists are held at once. */
const REPOSITORIES_AT_ONCE = 8;

export interface ProtectPorts extends ReadUsedPorts, LookPorts, KeepPorts {
  readonly losses: LossLedger;
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly clock: Clock;
}

export interface ProtectLimits {
  readonly horizonMs: number;
  /** No repository is begun after this. */
  readonly endsAtEpochMs: number;
}

export interface Protected {
  readonly repositories: number;
  readonly images: number;
  readonly losses: number;
}

/**
 * Looks at the lifecycle policy of each repository that keeps something in use, and writes down what will be lost and
 * when. What one repository fails with is written down with it and stops no other. Those that were never looked at, or
 * not for the longest time, come first, so that a look that runs out of time is gone on with at the next.
 * @throws ProtectionIncompleteError after everything else is done
 */
export async function protect(ports: ProtectPorts, limits: ProtectLimits): Promise<Protected> {
  const [inUse, before, { policy }] = await Promise.all([
    readUsed(ports),
    looksByPlace(ports.losses),
    ports.policies.current(),
  ]);
  const used = [...inUse, ...stillTagged(inUse, before)];
  const looks = await mapConcurrently(inTurn(used, before), REPOSITORIES_AT_ONCE, async ({ location, images }) => {
    const looked = { location, used: images, nowEpochMs: ports.clock(), horizonMs: limits.horizonMs };
    const isOver = looked.nowEpochMs > limits.endsAtEpochMs;
    return lookInto(ports, looked, {
      policy,
      before: before.get(locationKey(location)),
      isOver,
    });
  });
  const failures = looks.flatMap(({ failed, location }) => (failed ? [{ location, ...failed }] : []));
  failures.push(...(await forgetUnused(ports.losses, used, before)));
  const [first] = failures;
  if (first) throw new ProtectionIncompleteError(failures.length, locationKey(first.location), first.error);
  return {
    repositories: looks.length,
    images: looks.reduce((sum, { images }) => sum + images, 0),
    losses: looks.reduce((sum, { losses }) => sum + losses, 0),
  };
}

type Looks = ReadonlyMap<string, RepositoryLook>;

async function looksByPlace(losses: LossLedger): Promise<Looks> {
  const looks = await collect(losses.looks());
  return new Map(looks.map((look) => [locationKey(look.location), look]));
}

/** Where nothing is used any more, and tags of ours are to be taken back. */
function stillTagged(inUse: readonly UsedRepository[], before: Looks): readonly UsedRepository[] {
  const places = new Set(inUse.map(({ location }) => locationKey(location)));
  return [...before.values()].flatMap(({ location, tagged = 0 }) =>
    tagged > 0 && !places.has(locationKey(location)) ? [{ location, images: [] }] : [],
  );
}

function inTurn(used: readonly UsedRepository[], before: Looks): readonly UsedRepository[] {
  const lastAt = ({ location }: UsedRepository) => before.get(locationKey(location))?.lookedAtEpochMs ?? 0;
  return [...used].sort((one, other) => lastAt(one) - lastAt(other));
}

interface Done extends RepositoryLook {
  readonly failed?: { readonly error: unknown };
}

interface Turn {
  readonly policy: Policy;
  readonly before: RepositoryLook | undefined;
  readonly isOver: boolean;
}

async function lookInto(ports: ProtectPorts, looked: Looked, { policy, before, isOver }: Turn): Promise<Done> {
  const { location, used, nowEpochMs } = looked;
  const look = { location, lookedAtEpochMs: nowEpochMs, images: used.length };
  const moves = movingTags(policy, location);
  try {
    if (isOver) throw new OutOfTimeError();
    const { losses, tagged } = await keep(ports, policy, looked, await lookAt(ports, looked, moves));
    const unknown = losses.filter(({ fate }) => fate.state === 'unknown').length;
    const done = { ...look, losses: losses.length, unknown, ...(tagged > 0 && { tagged }) };
    if (used.length > 0 || tagged > 0) await ports.losses.record(done, losses);
    else await ports.losses.forget(location);
    return done;
  } catch (error) {
    const known = { losses: before?.losses ?? 0, ...(before?.tagged !== undefined && { tagged: before.tagged }) };
    const failed = { ...look, ...known, unknown: used.length, failure: namedFailure(error) };
    // Who was not looked at stays as long without a look as before, and comes first next time.
    const lookedAtEpochMs = before?.lookedAtEpochMs ?? 0;
    return {
      ...failed,
      failed: await recordFailure(ports.losses, isOver ? { ...failed, lookedAtEpochMs } : failed, error),
    };
  }
}

async function recordFailure(losses: LossLedger, look: RepositoryLook, error: unknown): Promise<{ error: unknown }> {
  try {
    await losses.record(look);
    return { error };
  } catch (cause) {
    return { error: cause };
  }
}

/** What nothing runs from any more, and nothing that runs stands on. */
async function forgetUnused(losses: LossLedger, used: readonly UsedRepository[], before: Looks) {
  const inUse = new Set(used.map(({ location }) => locationKey(location)));
  const unused = [...before.values()].filter(({ location }) => !inUse.has(locationKey(location)));
  const failures = await mapConcurrently(unused, REPOSITORIES_AT_ONCE, async ({ location }) => {
    try {
      await losses.forget(location);
      return [];
    } catch (error) {
      return [{ location, error }];
    }
  });
  return failures.flat() as readonly { readonly location: ImageLocation; readonly error: unknown }[];
}
