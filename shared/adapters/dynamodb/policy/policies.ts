import { gunzipSync, gzipSync } from 'node:zlib';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { canonicalJson, sha256Hex } from '../../../domain/common/canonical-json.ts';
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
    return this.pointedAt(pointer);
  }

  load(version: string): Promise<PolicyVersion> {
    return this.loadFrom(version, () => this.#read(version));
  }

  protected pointedAt({ version }: StoredPointer): Promise<PolicyVersion> {
    return this.load(version);
  }

  protected loadFrom(version: string, read: () => Promise<string>): Promise<PolicyVersion> {
    if (version === BUILT_IN_VERSION) return Promise.resolve({ version, policy: BUILT_IN_POLICY });
    const loaded = this.#known.get(version) ?? this.#load(version, read);
    this.#known.set(version, loaded);
    loaded.catch(() => this.#known.delete(version));
    return loaded;
  }

  async #load(version: string, read: () => Promise<string>): Promise<PolicyVersion> {
    const text = await read();
    try {
      return { version, policy: storedPolicy(JSON.parse(text)) };
    } catch (error) {
      throw new PolicyUnreadableError(version, error);
    }
  }

  protected async pointer(): Promise<StoredPointer | undefined> {
    const item = await this.table.get(keys.policy);
    return item && recordOf<StoredPointer>(item);
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

/** A pointer as its item holds it. */
interface StoredPointer extends PolicyPointer {
  /** The document as canonical JSON, compressed; absent if an earlier version wrote the item, or the document is too large. */
  readonly document?: Uint8Array;
}

/** An item holds 400 KB at most. The document of 5,000 streams has a tenth of this. */
const MOST_DOCUMENT_BYTES = 350 * 1024;
const MOST_UNPACKED_BYTES = 32 * 1024 * 1024;

/**
 * The policy in force for a door that reads a replica of the table: its document lies in the item of the pointer, so the Region
 * of the bucket may be down. DynamoDB replicates each item as a whole, and several items in no order: so no reader sees a
 * pointer whose document is still under way. A document that an earlier version published, or one that is damaged here, comes
 * from the bucket.
 */
export class DynamoPoliciesBeside extends DynamoPolicies {
  protected override pointedAt(pointer: StoredPointer): Promise<PolicyVersion> {
    const text = documentIn(pointer);
    return text === undefined ? this.load(pointer.version) : this.loadFrom(pointer.version, async () => text);
  }
}

/** The document of the version that the pointer names, which is its hash. */
function documentIn({ version, document }: StoredPointer): string | undefined {
  if (!(document instanceof Uint8Array)) return undefined;
  try {
    const text = gunzipSync(document, { maxOutputLength: MOST_UNPACKED_BYTES }).toString();
    return sha256Hex(text) === version ? text : undefined;
  } catch {
    return undefined;
  }
}

/** As the item of the pointer holds it; nothing if it is too large for it. */
function documentBeside(text: string): Pick<StoredPointer, 'document'> {
  const document = new Uint8Array(gzipSync(text));
  return document.byteLength > MOST_DOCUMENT_BYTES ? {} : { document };
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
   * The document comes first, so that a pointer never names a missing one; a copy of it travels in the pointer. It is also
   * written if it is already in force, because it may be lost. Each time is a version of the object, which keeps who wrote it: the pointer knows only the last.
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
    const text = canonicalJson(policy);
    await this.client.send(
      new PutObjectCommand({
        Bucket: this.bucket,
        Key: policyKey(version),
        Body: text,
        ContentType: 'application/json',
        Metadata: { author: inHeader(author), ...(replaces !== undefined && { replaces }) },
      }),
    );
    const beside = documentBeside(text);
    const found = version === replaces ? await this.pointer() : undefined;
    const isInForce = found?.version === version;
    if (isInForce && (!beside.document || documentIn(found) === text)) return version;
    const change = { version, author, atEpochMs, ...(replaces !== undefined && { replaces }) };
    // One that an earlier version wrote, or that is damaged, gets its document; who changed the policy last stays.
    await this.#point({ ...(isInForce ? found : change), ...beside }, replaces);
    return version;
  }

  async #point(pointer: StoredPointer, replaces: string | undefined): Promise<void> {
    const { version } = pointer;
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
