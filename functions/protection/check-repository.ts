import { namedFailure } from '../../shared/domain/common/failure-text.ts';
import { isBuiltIn } from '../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { RepositoryCheck, RepositoryToCheck } from '../../shared/domain/retention/image-expiry.ts';
import { movingTags, movingTagsOfStreams } from '../../shared/domain/stream/moving-tags.ts';
import type { ExpiryLedger } from '../../shared/ports/expiries.ts';
import { OutOfTimeError } from './errors.ts';
import { forecastRepository, type RepositoryForecastPorts } from './forecast-repository.ts';
import { type UpdateTagsPorts, updateTags } from './update-tags.ts';

export interface CheckRepositoryPorts extends RepositoryForecastPorts, UpdateTagsPorts {
  readonly expiries: ExpiryLedger;
}

export interface CheckOutcome extends RepositoryCheck {
  readonly failed?: { readonly error: unknown };
}

export interface CheckContext {
  readonly policy: Policy;
  /** Known stream ids of the repository. */
  readonly streams: ReadonlySet<string>;
  readonly before: RepositoryCheck | undefined;
  readonly isOver: boolean;
  /** Every running image and every ancestor is known. */
  readonly mayRemoveTags: boolean;
}

/** Checks one repository and records the result. Never throws. */
export async function checkRepository(
  ports: CheckRepositoryPorts,
  checked: RepositoryToCheck,
  { policy, streams, before, isOver, mayRemoveTags }: CheckContext,
): Promise<CheckOutcome> {
  const { location, used, nowEpochMs } = checked;
  const check = { location, checkedAtEpochMs: nowEpochMs, images: used.length };
  const moves = isBuiltIn(policy) ? movingTagsOfStreams([...streams], location) : movingTags(policy, location);
  try {
    if (isOver) throw new OutOfTimeError();
    const kept = await updateTags(
      ports,
      policy,
      { ...checked, mayRemoveTags },
      await forecastRepository(ports, checked, moves),
    );
    const { expiries, failed } = kept;
    // Protecting tags stay even if their repository could not be listed.
    const tagged = kept.tagged ?? before?.tagged ?? 0;
    const unknown = expiries.filter(({ expiryState }) => expiryState.state === 'unknown').length;
    const failure = failed && { failure: namedFailure(failed.error) };
    const done = { ...check, expiries: expiries.length, unknown, ...(tagged > 0 && { tagged }), ...failure };
    if (used.length > 0 || tagged > 0) await ports.expiries.record(done, expiries);
    else await ports.expiries.forget(location);
    return { ...done, ...(failed && { failed }) };
  } catch (error) {
    const known = { expiries: before?.expiries ?? 0, ...(before?.tagged !== undefined && { tagged: before.tagged }) };
    const failed = { ...check, ...known, unknown: used.length, failure: namedFailure(error) };
    // An unchecked repository keeps its last check time, so it comes first next time.
    const checkedAtEpochMs = before?.checkedAtEpochMs ?? 0;
    return {
      ...failed,
      failed: await recordFailure(ports.expiries, isOver ? { ...failed, checkedAtEpochMs } : failed, error),
    };
  }
}

async function recordFailure(
  expiries: ExpiryLedger,
  check: RepositoryCheck,
  error: unknown,
): Promise<{ error: unknown }> {
  try {
    await expiries.record(check);
    return { error };
  } catch (cause) {
    return { error: cause };
  }
}
