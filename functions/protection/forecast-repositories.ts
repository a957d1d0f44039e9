import { namedFailure } from '../../shared/domain/common/failure-text.ts';
import { isBuiltIn } from '../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { Looked, RepositoryLook } from '../../shared/domain/retention/image-expiry.ts';
import { movingTags, movingTagsOfStreams } from '../../shared/domain/stream/moving-tags.ts';
import type { LossLedger } from '../../shared/ports/losses.ts';
import { OutOfTimeError } from './errors.ts';
import { type LookPorts, lookAt } from './forecast-repository.ts';
import { type KeepPorts, keep } from './keep.ts';

export interface LookIntoPorts extends LookPorts, KeepPorts {
  readonly losses: LossLedger;
}

export interface Done extends RepositoryLook {
  readonly failed?: { readonly error: unknown };
}

export interface Turn {
  readonly policy: Policy;
  /** Ids of streams of the repository, as the ledger knows them. */
  readonly streams: ReadonlySet<string>;
  readonly before: RepositoryLook | undefined;
  readonly isOver: boolean;
  /** All that runs, and all that it is built on, is known. */
  readonly mayTakeBack: boolean;
}

/** One repository, written down whatever came of it. Nothing that it fails with is thrown. */
export async function lookInto(
  ports: LookIntoPorts,
  looked: Looked,
  { policy, streams, before, isOver, mayTakeBack }: Turn,
): Promise<Done> {
  const { location, used, nowEpochMs } = looked;
  const look = { location, lookedAtEpochMs: nowEpochMs, images: used.length };
  const moves = isBuiltIn(policy) ? movingTagsOfStreams([...streams], location) : movingTags(policy, location);
  try {
    if (isOver) throw new OutOfTimeError();
    const kept = await keep(ports, policy, { ...looked, mayTakeBack }, await lookAt(ports, looked, moves));
    const { losses, failed } = kept;
    // Tags that were put stand also where their repository was not listed.
    const tagged = kept.tagged ?? before?.tagged ?? 0;
    const unknown = losses.filter(({ fate }) => fate.state === 'unknown').length;
    const failure = failed && { failure: namedFailure(failed.error) };
    const done = { ...look, losses: losses.length, unknown, ...(tagged > 0 && { tagged }), ...failure };
    if (used.length > 0 || tagged > 0) await ports.losses.record(done, losses);
    else await ports.losses.forget(location);
    return { ...done, ...(failed && { failed }) };
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
