import { PutObjectCommand } from '@aws-sdk/client-s3';
import { canonicalJson } from '../../domain/json.ts';
import type { Policy } from '../../domain/policy.ts';
import { policyVersion } from '../../domain/policy-check.ts';
import type { PolicyPointer } from '../../domain/records.ts';
import { PolicyConflictError } from '../../ports/errors.ts';
import type { PolicyStore } from '../../ports/policies.ts';
import * as keys from './keys.ts';
import { DynamoPolicies, policyKey } from './policies.ts';

/** Apart from those that only read: no function publishes a policy, and none needs it in its bundle. */
export class DynamoPolicyStore extends DynamoPolicies implements PolicyStore {
  /** The document comes first: a pointer never names what is not there. */
  async publish(
    policy: Policy,
    {
      replaces,
      author,
      atEpochMs,
    }: { readonly replaces?: string; readonly author: string; readonly atEpochMs: number },
  ): Promise<string> {
    const version = policyVersion(policy);
    if (version === replaces && (await this.pointer())?.version === version) return version;
    await this.client.send(
      new PutObjectCommand({
        Bucket: this.bucket,
        Key: policyKey(version),
        Body: canonicalJson(policy),
        ContentType: 'application/json',
      }),
    );
    await this.#point({ version, author, atEpochMs, ...(replaces !== undefined && { replaces }) });
    return version;
  }

  async #point(pointer: PolicyPointer): Promise<void> {
    const { version, replaces } = pointer;
    const moved = await this.table.put(
      { ...keys.policy, kind: 'policy', ...pointer },
      replaces === undefined
        ? { expression: 'attribute_not_exists(PK)' }
        : { expression: '#version = :replaces', names: { '#version': 'version' }, values: { ':replaces': replaces } },
    );
    if (moved) return;
    const found = await this.pointer();
    // A write whose reply was lost is repeated by the client and then meets itself.
    if (found?.version !== version) throw new PolicyConflictError(replaces, found?.version);
  }
}
