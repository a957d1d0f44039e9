import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { canonicalJson } from '../../domain/json.ts';
import type { Policy } from '../../domain/policy.ts';
import { checkPolicy, policyVersion } from '../../domain/policy-check.ts';
import type { PolicyPointer } from '../../domain/records.ts';
import { NoPolicyError, PolicyConflictError, PolicyUnreadableError } from '../../ports/errors.ts';
import type { PolicyStore, PolicyVersion } from '../../ports/policies.ts';
import { recordOf } from './items.ts';
import * as keys from './keys.ts';
import type { LedgerTable } from './table.ts';

/** Policies as `policies/<version>.json` in the evidence bucket; which one is in force says an item of the ledger. */
export class DynamoPolicyStore implements PolicyStore {
  readonly #table: LedgerTable;
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(table: LedgerTable, client: S3Client, bucket: string) {
    this.#table = table;
    this.#client = client;
    this.#bucket = bucket;
  }

  async current(): Promise<PolicyVersion> {
    const pointer = await this.#pointer();
    if (!pointer) throw new NoPolicyError();
    return this.load(pointer.version);
  }

  async load(version: string): Promise<PolicyVersion> {
    const text = await this.#read(version);
    try {
      return { version, policy: checkPolicy(JSON.parse(text)) };
    } catch (error) {
      throw new PolicyUnreadableError(version, error);
    }
  }

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
    if (version === replaces && (await this.#pointer())?.version === version) return version;
    await this.#client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
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
    const moved = await this.#table.put(
      { ...keys.policy, kind: 'policy', ...pointer },
      replaces === undefined
        ? { expression: 'attribute_not_exists(PK)' }
        : { expression: '#version = :replaces', names: { '#version': 'version' }, values: { ':replaces': replaces } },
    );
    if (moved) return;
    const found = await this.#pointer();
    // A write whose reply was lost is repeated by the client and then meets itself.
    if (found?.version !== version) throw new PolicyConflictError(replaces, found?.version);
  }

  async #pointer(): Promise<PolicyPointer | undefined> {
    const item = await this.#table.get(keys.policy);
    return item && recordOf<PolicyPointer>(item);
  }

  async #read(version: string): Promise<string> {
    try {
      const object = new GetObjectCommand({ Bucket: this.#bucket, Key: policyKey(version) });
      const { Body } = await this.#client.send(object);
      return (await Body?.transformToString()) ?? '';
    } catch (error) {
      throw error instanceof NoSuchKey ? new PolicyUnreadableError(version, error) : error;
    }
  }
}

const policyKey = (version: string): string => `policies/${version}.json`;
