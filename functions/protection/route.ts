import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { type Protected, type ProtectPorts, protect } from './protect.ts';

/** What is begun is finished: the slowest repository of a fleet is listed in less. */
const KEPT_FOR_THE_END_MS = 2 * MINUTE_MS;

export interface ProtectionServices {
  readonly ports: ProtectPorts;
  readonly horizonMs: number;
}

/** One look. Where it left something out it throws, and Lambda tries it again, twice. */
export async function route(
  _: unknown,
  { ports, horizonMs }: ProtectionServices,
  context: { getRemainingTimeInMillis(): number },
): Promise<Protected> {
  const endsAtEpochMs = ports.clock() + context.getRemainingTimeInMillis() - KEPT_FOR_THE_END_MS;
  const done = await protect(ports, { horizonMs, endsAtEpochMs });
  logger.info('checked lifecycle policies', { ...done });
  return done;
}
