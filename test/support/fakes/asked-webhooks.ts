import type { PathKind } from '../../../shared/domain/admission/webhook-path.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import type { AskedWebhook, AskedWebhookLedger } from '../../../shared/ports/admission.ts';
import { HOUR_MS } from '../samples.ts';

/** Which clusters asked a webhook, in memory. */
export class FakeAskedWebhooks implements AskedWebhookLedger {
  readonly #asked = new Map<string, AskedWebhook>();

  async *all(): AsyncIterable<AskedWebhook> {
    yield* [...this.#asked].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, asked]) => asked);
  }

  async forget({ account, region, cluster }: Cluster): Promise<boolean> {
    return this.#asked.delete(`${account}/${region}/${cluster}`);
  }

  async record({ account, region, cluster }: Cluster, kind: PathKind, atEpochMs: number): Promise<void> {
    const key = `${account}/${region}/${cluster}`;
    const hour = atEpochMs - (atEpochMs % HOUR_MS);
    const before = this.#asked.get(key);
    const shared = Math.max(before?.sharedSecretAtEpochMs ?? 0, kind === 'shared-secret' ? hour : 0);
    this.#asked.set(key, {
      cluster: { account, region, cluster },
      lastAskedAtEpochMs: Math.max(before?.lastAskedAtEpochMs ?? 0, hour),
      ...(shared > 0 && { sharedSecretAtEpochMs: shared }),
    });
  }
}
