import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Digest } from '../domain/image/image.ts';
import type { EvidenceStore, FindingsEvidence } from '../ports/evidence.ts';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** Findings as `findings/<digest>.json.gz` in the evidence bucket, which keeps every version. */
export class S3Evidence implements EvidenceStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async putFindings(evidence: FindingsEvidence): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: findingsKey(evidence.digest),
        Body: await compress(JSON.stringify(evidence)),
        // No content encoding: the object is the compressed file that its name says, in a browser too.
        ContentType: 'application/gzip',
      }),
    );
  }

  async findings(digest: Digest): Promise<FindingsEvidence | undefined> {
    try {
      const { Body } = await this.#client.send(
        new GetObjectCommand({ Bucket: this.#bucket, Key: findingsKey(digest) }),
      );
      const bytes = await expand((await Body?.transformToByteArray()) ?? new Uint8Array());
      return JSON.parse(bytes.toString()) as FindingsEvidence;
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }
}

const findingsKey = (digest: Digest): string => `findings/${digest}.json.gz`;
