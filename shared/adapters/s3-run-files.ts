import {
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import { RunFileMissingError } from '../ports/errors.ts';
import type { RunFiles } from '../ports/run-files.ts';

/** Run files as JSON objects in the run bucket, which forgets them after some days. */
export class S3RunFiles implements RunFiles {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async put(key: string, document: unknown): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Body: JSON.stringify(document),
        ContentType: 'application/json',
      }),
    );
  }

  async get(key: string): Promise<unknown> {
    try {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      return JSON.parse((await Body?.transformToString()) ?? '');
    } catch (error) {
      throw error instanceof NoSuchKey ? new RunFileMissingError(key, error) : error;
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    const input = { Bucket: this.#bucket, Prefix: prefix };
    for await (const { Contents = [] } of paginateListObjectsV2({ client: this.#client }, input)) {
      for (const { Key } of Contents) if (Key !== undefined) yield Key;
    }
  }
}
