import { gunzipSync, gzipSync } from 'node:zlib';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { mapConcurrently } from '../../../concurrency.ts';
import { canonicalJson, sha256Hex } from '../../../domain/common/canonical-json.ts';
import {
  type AppliedPolicy,
  doorPartOf,
  type EarlierPolicy,
  earlierPolicies,
  packedEarlier,
  unpackedEarlier,
} from '../../../domain/policy/applied-policy.ts';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../../../domain/policy/built-in-policy.ts';
import type { Policy, StreamRule } from '../../../domain/policy/policy.ts';
import { policyVersion, storedPolicy } from '../../../domain/policy/policy-check.ts';
import type { PolicyPointer } from '../../../domain/policy/policy-pointer.ts';
import { NoPolicyError, PolicyConflictError, PolicyUnreadableError } from '../../../ports/errors.ts';
import type { CurrentPolicy, Policies, PolicyHistory, PolicyStore, PolicyVersion } from '../../../ports/policies.ts';
import { isRefusal } from '../../refusal.ts';
import type { Condition } from '../table/item.ts';
import { recordOf } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import type { LedgerTable } from '../table/table.ts';

/**
 * Policies as `policies/<version>.json` in the evidence bucket; a ledger item names the one in force. A version is the
 * hash of its content, so it is cached. Versions share their stream rules, of which a change of the policy edits few.
 */
export class DynamoPolicies implements Policies {
  protected readonly table: LedgerTable;
  protected readonly client: S3Client;
  protected readonly bucket: string;
  readonly #known = new Map<string, Promise<PolicyVersion>>();
  readonly #rules = new Map<string, StreamRule>();

  constructor(table: LedgerTable, client: S3Client, bucket: string) {
    this.table = table;
    this.client = client;
    this.bucket = bucket;
  }

  async current(): Promise<CurrentPolicy> {
    const pointer = await this.pointer();
    if (!pointer) throw await this.#noPointer();
    const { version } = pointer;
    if (!isVersion(version))
      throw new PolicyUnreadableError('in force', new TypeError('the ledger has no version of it'));
    const current = await this.pointedAt(pointer);
    const before = earlierIn(pointer).flatMap(({ doors, ...one }) => (doors ? [{ ...one, policy: doors }] : []));
    return { ...current, applied: [{ ...current, fromEpochMs: sinceOf(pointer) }, ...before] };
  }

  /** Where a policy was ever applied, a missing pointer is lost, and says nothing of the doors. */
  async #noPointer(): Promise<NoPolicyError | PolicyUnreadableError> {
    const wasApplied = this.#known.size > 0 || (await this.table.get(keys.policyApplied)) !== undefined;
    if (!wasApplied) return new NoPolicyError();
    return new PolicyUnreadableError('in force', new TypeError('the ledger has lost which one it is'));
  }

  async history(): Promise<PolicyHistory> {
    const pointer = await this.pointer();
    if (!pointer || !isVersion(pointer.version)) return { applied: [], unreadable: [] };
    const before = earlierIn(pointer).map(({ doors: _, ...one }) => one);
    const all = [{ version: pointer.version, fromEpochMs: sinceOf(pointer) }, ...before];
    const unreadable = new Set<string>();
    const read = await mapConcurrently(all, DOCUMENTS_AT_ONCE, async (one): Promise<readonly AppliedPolicy[]> => {
      try {
        return [{ ...one, policy: (await this.load(one.version)).policy }];
      } catch (error) {
        if (!(error instanceof PolicyUnreadableError)) throw error;
        unreadable.add(one.version);
        return [];
      }
    });
    return { applied: read.flat(), unreadable: [...unreadable] };
  }

  load(version: string): Promise<PolicyVersion> {
    return this.loadFrom(version, () => this.#read(version));
  }

  protected pointedAt({ version }: StoredPointer): Promise<PolicyVersion> {
    return this.load(version);
  }

  protected loadFrom(version: string, read: () => Promise<string>): Promise<PolicyVersion> {
    if (version === BUILT_IN_VERSION) return Promise.resolve({ version, policy: BUILT_IN_POLICY });
    if (this.#known.size >= MOST_KNOWN && !this.#known.has(version)) {
      this.#known.clear();
      this.#rules.clear();
    }
    const loaded = this.#known.get(version) ?? this.#load(version, read);
    this.#known.set(version, loaded);
    loaded.catch(() => this.#known.delete(version));
    return loaded;
  }

  async #load(version: string, read: () => Promise<string>): Promise<PolicyVersion> {
    const text = await read();
    try {
      const policy = storedPolicy(JSON.parse(text));
      return { version, policy: { ...policy, streams: policy.streams.map((rule) => this.#shared(rule)) } };
    } catch (error) {
      throw new PolicyUnreadableError(version, error);
    }
  }

  /** The same rule of another version, so that it is in memory once. */
  #shared(rule: StreamRule): StreamRule {
    const text = JSON.stringify(rule);
    const known = this.#rules.get(text);
    if (!known) this.#rules.set(text, rule);
    return known ?? rule;
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
  /** The versions before (`packedEarlier`), compressed; absent if there are none, or an earlier version wrote the item. */
  readonly earlier?: Uint8Array;
}

const DOCUMENTS_AT_ONCE = 8;
/** More than a history has. */
const MOST_KNOWN = 64;

/** 0 if the item is damaged: then a rule has no grace. */
const sinceOf = ({ atEpochMs }: Pick<StoredPointer, 'atEpochMs'>): number =>
  typeof atEpochMs === 'number' ? atEpochMs : 0;

/** Nothing if the item is damaged. */
function earlierIn({ earlier }: Pick<StoredPointer, 'earlier'>): readonly EarlierPolicy[] {
  if (!(earlier instanceof Uint8Array)) return [];
  try {
    return unpackedEarlier(gunzipSync(earlier, { maxOutputLength: MOST_UNPACKED_BYTES }).toString());
  } catch {
    return [];
  }
}

function earlierBeside(earlier: readonly EarlierPolicy[]): Pick<StoredPointer, 'earlier'> {
  return earlier.length === 0 ? {} : { earlier: new Uint8Array(gzipSync(packedEarlier(earlier))) };
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
    // Before the pointer, which may be lost alone.
    await this.table.put({ ...keys.policyApplied, kind: 'policy-applied' });
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const found = await this.pointer();
      const inForce = isVersion(found?.version) ? found.version : undefined;
      // The client repeats a write with a lost reply, which then meets itself.
      if (inForce !== replaces && inForce !== version) throw new PolicyConflictError(replaces, inForce);
      if (found && inForce === version && (!beside.document || documentIn(found) === text)) return version;
      const change = { version, author, atEpochMs, ...(replaces !== undefined && { replaces }) };
      // One that an earlier version wrote, or that is damaged, gets its document; who changed the policy last stays.
      const after =
        found && inForce === version ? found : { ...change, ...(await this.#earlierAfter(found, atEpochMs)) };
      if (await this.table.put({ ...keys.policy, kind: 'policy', ...after, ...beside }, unchangedSince(found)))
        return version;
    }
    throw new PolicyConflictError(replaces, await this.inForce());
  }

  /** What the pointer keeps of the versions before a change. */
  async #earlierAfter(found: StoredPointer | undefined, atEpochMs: number): Promise<Pick<StoredPointer, 'earlier'>> {
    if (!found) return {};
    const { version } = found;
    const replaced = isVersion(version)
      ? { version, fromEpochMs: sinceOf(found), ...(await this.#doorPart(found)) }
      : undefined;
    return earlierBeside(earlierPolicies(earlierIn(found), replaced, atEpochMs));
  }

  async #doorPart(found: StoredPointer): Promise<Pick<EarlierPolicy, 'doors'>> {
    try {
      const text = documentIn(found);
      const policy = text === undefined ? (await this.load(found.version)).policy : storedPolicy(JSON.parse(text));
      return { doors: doorPartOf(policy) };
    } catch (error) {
      if (error instanceof PolicyUnreadableError || error instanceof TypeError) return {};
      throw error;
    }
  }
}

/** Another person may have replaced a version and put it back, so the instant counts too. */
function unchangedSince(found: StoredPointer | undefined): Condition {
  if (!isVersion(found?.version)) return NOTHING_IN_FORCE;
  const { version, atEpochMs } = found as StoredPointer;
  const names = { '#version': 'version', '#at': 'atEpochMs' };
  return atEpochMs === undefined
    ? { expression: '#version = :version AND attribute_not_exists(#at)', names, values: { ':version': version } }
    : { expression: '#version = :version AND #at = :at', names, values: { ':version': version, ':at': atEpochMs } };
}

const ATTEMPTS = 3;
