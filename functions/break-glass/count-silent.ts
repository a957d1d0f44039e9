import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { isSilent } from '../../shared/domain/admission/silent-webhook.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { AskedWebhooks } from '../../shared/ports/admission.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ScopeLedger } from '../../shared/ports/ledger.ts';

export interface SilencePorts {
  readonly webhooks: AskedWebhooks;
  readonly scopes: Pick<ScopeLedger, 'get'>;
  readonly clock: Clock;
}

/** Reads at the same time are one batch, and a batch of DynamoDB has 100 items. */
const CLUSTERS_AT_ONCE = 100;

/** Counts the clusters of this Region whose API server has stopped to ask the webhook, for an alarm of doors.yaml. */
export async function countSilent({ webhooks, scopes, clock }: SilencePorts, region: string): Promise<void> {
  const asked = (await collect(webhooks.all())).filter(({ cluster }) => cluster.region === region);
  const pods = await mapConcurrently(asked, CLUSTERS_AT_ONCE, ({ cluster: { account, cluster: eksCluster } }) =>
    scopes.get({ account, region, eksCluster }),
  );
  let silent = 0;
  for (const [index, { cluster: of, lastAskedAtEpochMs }] of asked.entries()) {
    const { podCreatedAtEpochMs } = pods[index] ?? {};
    if (!isSilent(lastAskedAtEpochMs, podCreatedAtEpochMs, clock())) continue;
    silent += 1;
    logger.warn('the API server of a cluster no longer asks the webhook', {
      ...of,
      lastAsked: new Date(lastAskedAtEpochMs).toISOString(),
      ...(podCreatedAtEpochMs !== undefined && { newestPod: new Date(podCreatedAtEpochMs).toISOString() }),
    });
  }
  metrics.addMetric('WebhooksSilent', MetricUnit.Count, silent);
}
