import { GetObjectCommand, NoSuchKey, type S3Client } from '@aws-sdk/client-s3';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../../../domain/policy/built-in-policy.ts';
import { storedPolicy } from '../../../domain/policy/policy-check.ts';
import type { PolicyPointer } from '../../../domain/policy/policy-pointer.ts';
import { NoPolicyError, PolicyUnreadableError } from '../../../ports/errors.ts';
import type { Policies, PolicyVersion } from '../../../ports/policies.ts';
import { isRefusal } from '../../refusal.ts';
import { recordOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import type { LedgerTable } from '../table/table.ts';

/**
 * Policies as `policies/<version>.json` in the evidence bucket; which one is in force says an item of the ledger. A
 * version is the hash of its content, so one that was read is not read again: few live as long as an environment.
 */
export class DynamoPolicies implements Policies {
  protected readonly table: LedgerTable;
  protected readonly client: S3Client;
  protected readonly bucket: string;
  readonly #known = new Map<string, Promise<PolicyVersion>>();

  constructor(table: LedgerTable, client: S3Client, bucket: string) {
    this.table = table;
    this.client = client;
    this.bucket = bucket;
  }

  async current(): Promise<PolicyVersion> {
    const pointer = await this.pointer();
    if (!pointer) throw new NoPolicyError();
    const { version } = pointer;
    if (!isVersion(version)) throw new PolicyUnreadableError('in force', new TypeError('the ledger names no version'));
    return this.load(version);
  }

  load(version: string): Promise<PolicyVersion> {
    if (version === BUILT_IN_VERSION) return Promise.resolve({ version, policy: BUILT_IN_POLICY });
    const loaded = this.#known.get(version) ?? this.#load(version);
    this.#known.set(version, loaded);
    loaded.catch(() => this.#known.delete(version));
    return loaded;
  }

  async #load(version: string): Promise<PolicyVersion> {
    const text = await this.#read(version);
    try {
      return { version, policy: storedPolicy(JSON.parse(text)) };
    } catch (error) {
      throw new PolicyUnreadableError(version, error);
    }
  }

  protected async pointer(): Promise<PolicyPointer | undefined> {
    const item = await this.table.get(keys.policy);
    return item && recordOf<PolicyPointer>(item);
  }

  /**
   * Who may not list the bucket is not told that a document is missing: S3 answers AccessDenied, and not NoSuchKey.
   * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (Permissions)
   */
  async #read(version: string): Promise<string> {
    try {
      const object = new GetObjectCommand({ Bucket: this.bucket, Key: policyKey(version) });
      const { Body } = await this.client.send(object);
      return (await Body?.transformToString()) ?? '';
    } catch (error) {
      throw error instanceof NoSuchKey || isRefusal(error) ? new PolicyUnreadableError(version, error) : error;
    }
  }
}

/** An item may have been damaged by anybody. */
export const isVersion = (version: unknown): version is string => typeof version === 'string' && version !== '';

export const policyKey = (version: string): string => `policies/${version}.json`;
