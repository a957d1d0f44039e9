import type { SQSBatchResponse } from 'aws-lambda';
import { lineage } from '../../../functions/lineage/handler.ts';
import type { CauseFact } from '../../../shared/domain/cause/cause.ts';
import { digestOf } from '../../support/samples.ts';
import { context, type LineageWorld, streamOf } from './support.ts';

const servicesOf = (world: LineageWorld) => ({
  reviewing: () => {
    throw new Error('no review');
  },
  following: world,
});

/** As the bus delivers that heads moved. */
export const moved = (...streams: readonly string[]) =>
  streams.map((stream, n) => ({
    messageId: `m${n}`,
    body: JSON.stringify({
      ...{ source: 'patchwave', 'detail-type': 'HeadMoved', account: '111122223333', region: 'eu-west-1' },
      ...{ time: '2026-11-24T03:12:09Z', resources: [stream] },
      detail: {
        ...{ schemaVersion: 1, stream, tier: 'base' },
        head: { images: { 'linux/amd64': digestOf('new') } },
        previousHead: { images: { 'linux/amd64': digestOf('old') } },
      },
    }),
  }));

/** Through what Lambda calls: heads that moved are followed. */
export const follow = (world: LineageWorld, Records: ReturnType<typeof moved>): Promise<SQSBatchResponse> =>
  lineage(() => servicesOf(world))({ Records }, context) as Promise<SQSBatchResponse>;

export const place = (world: LineageWorld, step: object): Promise<unknown> =>
  lineage(() => servicesOf(world))({ action: 'place-output', ...step }, context);

/** What the causes of streams ask for; `stream parent head` for a parent that moved. */
export async function causesOf(world: LineageWorld): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { stream, facts } of world.causes.open())
    lines.push(...facts.map((fact) => `${stream} ${factOf(fact)}`));
  return lines.sort();
}

const factOf = (fact: CauseFact): string =>
  fact.kind === 'parent-moved' ? `${fact.parent} ${fact.head?.slice('sha256:'.length, 15)}` : fact.kind;

export const staleParent = (stream: string, parent: string, head: string): string =>
  `${stream} ${parent} ${digestOf(head).slice('sha256:'.length, 15)}`;

export const [BASE, PLATFORM, APP] = (['base', 'platform', 'application'] as const).map((tier) => streamOf(tier)) as [
  string,
  string,
  string,
];
