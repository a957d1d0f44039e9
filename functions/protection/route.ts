import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { type CheckRepositoriesPorts, type CheckResult, checkRepositories } from './check-repositories.ts';

/** Time kept free to finish the repository in progress: the slowest one of a fleet takes less. */
const KEPT_FOR_THE_END_MS = 2 * MINUTE_MS;

export interface ProtectionServices {
  readonly ports: CheckRepositoriesPorts;
  readonly horizonMs: number;
}

/** Runs one check. If it is incomplete it throws, and Lambda retries it twice. */
export async function route(
  _: unknown,
  { ports, horizonMs }: ProtectionServices,
  context: { getRemainingTimeInMillis(): number },
): Promise<CheckResult> {
  const endsAtEpochMs = ports.clock() + context.getRemainingTimeInMillis() - KEPT_FOR_THE_END_MS;
  const done = await checkRepositories(ports, { horizonMs, endsAtEpochMs });
  logger.info('checked lifecycle policies', { ...done });
  return done;
}
