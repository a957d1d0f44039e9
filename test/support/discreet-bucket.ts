import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';

/** A bucket in memory, as S3 shows it to who may read its objects and not list them. */
export class DiscreetBucket {
  readonly objects = new Map<string, string>();

  get client(): S3Client {
    return { send: async (command: unknown) => this.#answer(command) } as unknown as S3Client;
  }

  #answer(command: unknown): object {
    if (command instanceof PutObjectCommand) {
      this.objects.set(command.input.Key ?? '', String(command.input.Body));
      return {};
    }
    if (!(command instanceof GetObjectCommand)) throw new TypeError(`no ${String(command)} in memory`);
    const text = this.objects.get(command.input.Key ?? '');
    if (text === undefined) throw Object.assign(new Error('Access Denied'), { name: 'AccessDenied' });
    return { Body: { transformToString: async () => text } };
  }
}
