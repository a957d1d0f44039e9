import { PutObjectCommand } from '@aws-sdk/client-s3';
import { canonicalJson } from '../../../domain/common/canonical-json.ts';
import type { Policy } from '../../../domain/policy/policy.ts';
import { policyVersion } from '../../../domain/policy/policy-check.ts';
import type { PolicyPointer } from '../../../domain/policy/policy-pointer.ts';
import { PolicyConflictError } from '../../../ports/errors.ts';
import type { PolicyStore } from '../../../ports/policies.ts';
import * as keys from '../table/keys.ts';
import { DynamoPolicies, isVersion, policyKey } from './policies.ts';

/** No pointer, or one that is damaged and names no version. */
const NOTHING_IN_FORCE = {
  expression: 'attribute_not_exists(PK) OR NOT attribute_type(#version, :text) OR #version = :empty',
  names: { '#version': 'version' },
  values: { ':text': 'S', ':empty': '' },
} as const;

/** Apart from those that only read: no function publishes a policy, and none needs it in its bundle. */
export class DynamoPolicyStore extends DynamoPolicies implements PolicyStore {
  async inForce(): Promise<string | undefined> {
    const version = (await this.pointer())?.version;
    return isVersion(version) ? version : undefined;
  }

  /**
   * The document comes first: a pointer never names what is not there. It is written also where it is in force already:
   * it may be lost.
   */
  async publish(
    policy: Policy,
    {
      replaces,
      author,
      atEpochMs,
    }: { readonly replaces?: string; readonly author: string; readonly atEpochMs: number },
  ): Promise<string> {
    const version = policyVersion(policy);
    await this.client.send(
      new PutObjectCommand({
        Bucket: this.bucket,
        Key: policyKey(version),
        Body: canonicalJson(policy),
        ContentType: 'application/json',
      }),
    );
    if (version === replaces && (await this.pointer())?.version === version) return version;
    await this.#point({ version, author, atEpochMs, ...(replaces !== undefined && { replaces }) });
    return version;
  }

  async #point(pointer: PolicyPointer): Promise<void> {
    const { version, replaces } = pointer;
    const moved = await this.table.put(
      { ...keys.policy, kind: 'policy', ...pointer },
      replaces === undefined
        ? NOTHING_IN_FORCE
        : { expression: '#version = :replaces', names: { '#version': 'version' }, values: { ':replaces': replaces } },
    );
    if (moved) return;
    const found = await this.pointer();
    // A write whose reply was lost is repeated by the client and then meets itself.
    if (found?.version !== version) throw new PolicyConflictError(replaces, found?.version);
  }
}
