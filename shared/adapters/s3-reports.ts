import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { RenderedReport, ReportStore } from '../ports/reports.ts';

const TYPES = { json: 'application/json', md: 'text/markdown; charset=utf-8' } as const;
const LATEST = 'latest';

/** Reports as `reports/<runId>.json` and `.md` in the evidence bucket, and the newest of the fleet as `reports/latest.*`. */
export class S3Reports implements ReportStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async put(runId: string, report: RenderedReport): Promise<void> {
    for (const name of report.ofFleet ? [runId, LATEST] : [runId]) {
      await this.#write(name, 'json', report.json);
      await this.#write(name, 'md', report.markdown);
    }
  }

  async get(format: keyof typeof TYPES, runId = LATEST): Promise<string | undefined> {
    try {
      const object = new GetObjectCommand({ Bucket: this.#bucket, Key: reportKey(runId, format) });
      const { Body } = await this.#client.send(object);
      return (await Body?.transformToString()) ?? '';
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  async #write(name: string, format: keyof typeof TYPES, text: string): Promise<void> {
    await this.#client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: reportKey(name, format),
        Body: text,
        ContentType: TYPES[format],
      }),
    );
  }
}

const reportKey = (name: string, format: keyof typeof TYPES): string => `reports/${name}.${format}`;
