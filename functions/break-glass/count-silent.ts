import { MetricUnit } from '@aws-lambda-powertools/metrics';
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

/** Counts the clusters of this Region whose API server has stopped to ask the webhook, for an alarm of doors.yaml. */
export async function countSilent({ webhooks, scopes, clock }: SilencePorts, region: string): Promise<void> {
  let silent = 0;
  for await (const { cluster: of, lastAskedAtEpochMs } of webhooks.all()) {
    if (of.region !== region) continue;
    const { account, cluster: eksCluster } = of;
    const { podCreatedAtEpochMs } = (await scopes.get({ account, region, eksCluster })) ?? {};
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
