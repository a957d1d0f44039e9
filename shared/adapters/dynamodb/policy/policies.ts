import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { canonicalJson } from '../../../domain/common/canonical-json.ts';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../../../domain/policy/built-in-policy.ts';
import type { Policy } from '../../../domain/policy/policy.ts';
import { policyVersion, storedPolicy } from '../../../domain/policy/policy-check.ts';
import type { PolicyPointer } from '../../../domain/policy/policy-pointer.ts';
import { NoPolicyError, PolicyConflictError, PolicyUnreadableError } from '../../../ports/errors.ts';
import type { Policies, PolicyStore, PolicyVersion } from '../../../ports/policies.ts';
import { isRefusal } from '../../refusal.ts';
import { recordOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import type { LedgerTable } from '../table/table.ts';

/**
 * Policies as `policies/<version>.json` in the evidence bucket; a ledger item names the one in force. A version is the
 * hash of its content, so it is cached: an environment sees few of them.
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
    if (!isVersion(version))
      throw new PolicyUnreadableError('in force', new TypeError('the ledger has no version of it'));
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
   * Without permission to list the bucket, S3 answers AccessDenied instead of NoSuchKey for a missing document.
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

/** The item may be damaged. */
const isVersion = (version: unknown): version is string => typeof version === 'string' && version !== '';

export const policyKey = (version: string): string => `policies/${version}.json`;

/** No pointer, or one that is damaged and names no version. */
const NOTHING_IN_FORCE = {
  expression: 'attribute_not_exists(PK) OR NOT attribute_type(#version, :text) OR #version = :empty',
  names: { '#version': 'version' },
  values: { ':text': 'S', ':empty': '' },
} as const;

/** Metadata of an object travels in headers of HTTP. */
const inHeader = (text: string): string => text.replaceAll(/[^ -~]/g, '?');

/** Policies as published by the command line; functions only read them. */
export class DynamoPolicyStore extends DynamoPolicies implements PolicyStore {
  async inForce(): Promise<string | undefined> {
    const version = (await this.pointer())?.version;
    return isVersion(version) ? version : undefined;
  }

  /**
   * The document comes first, so that a pointer never names a missing one. It is also written if it is already in
   * force, because it may be lost. Each time is a version of the object, which keeps who wrote it: the pointer knows only the last.
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
        Metadata: { author: inHeader(author), ...(replaces !== undefined && { replaces }) },
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
    // The client repeats a write with a lost reply, which then meets itself.
    if (found?.version !== version) throw new PolicyConflictError(replaces, found?.version);
  }
}
