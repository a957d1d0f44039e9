import type { PathKind } from '../../shared/domain/admission/webhook-path.ts';
import { HOUR_MS } from '../../shared/domain/common/time.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { AskedWebhookLedger } from '../../shared/ports/admission.ts';
import type { Clock } from '../../shared/ports/clock.ts';

/**
 * Records which clusters ask, and by which path: about once an hour for each in this execution environment. A review never fails by
 * it, nor waits for more than its own reads may take.
 */
export function hourlyNotes(
  ledger: Pick<AskedWebhookLedger, 'record'>,
  clock: Clock,
  inTime: <Value>(work: Promise<Value>) => Promise<Value> = (work) => work,
): (cluster: Cluster, kind: PathKind) => Promise<void> {
  const noted = new Set<string>();
  let hour = 0;
  return async (cluster, kind) => {
    const now = Math.floor(clock() / HOUR_MS);
    if (now !== hour) noted.clear();
    hour = now;
    const key = `${cluster.account}/${cluster.region}/${cluster.cluster} ${kind}`;
    if (noted.has(key)) return;
    noted.add(key);
    try {
      await inTime(ledger.record(cluster, kind, clock()));
    } catch (error) {
      noted.delete(key);
      logger.warn('it could not be recorded that a cluster asked', error as Error);
    }
  };
}
