import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import type { ChangeRecord } from '../../../functions/ledger-events/input.ts';
import { causeContent, imageContent } from '../../../shared/adapters/dynamodb/table/items.ts';
import * as keys from '../../../shared/adapters/dynamodb/table/keys.ts';
import type { Deployment } from '../../../shared/domain/cause/cascade.ts';
import type { Cause } from '../../../shared/domain/cause/cause.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import type { Reason, VerdictStatus } from '../../../shared/domain/verdict/verdict.ts';

export const digestOf = (number: number): Digest => `sha256:${number.toString(16).padStart(64, '0')}`;

/** As Lambda delivers it: JSON, in which binary values are base64 text. */
const delivered = (item: object): Record<string, AttributeValue> =>
  JSON.parse(
    JSON.stringify(marshall(item, { removeUndefinedValues: true }), (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ),
  );

export function change(sequence: number, before: object | undefined, after: object | undefined): ChangeRecord {
  const { PK, SK } = { ...before, ...after } as { PK?: string; SK?: string };
  return {
    dynamodb: {
      SequenceNumber: String(sequence),
      Keys: delivered({ PK, SK }),
      ...(before && { OldImage: delivered(before) }),
      ...(after && { NewImage: delivered(after) }),
    },
  };
}

export function imageItem(number: number, status?: VerdictStatus, reasons: readonly Reason[] = []): object {
  const record: ImageRecord = {
    digest: digestOf(number),
    tier: 'application',
    birth: { known: false, rejected: [] },
    locations: [],
    inUse: true,
    isHead: false,
    scan: { state: 'complete', coverage: ['os'] },
    ...(status && { verdict: { status, reasons, policyVersion: 'v1' } }),
  };
  return { ...keys.image(record.digest), ...imageContent({ record }) };
}

export function causeItem(stream: string, version: number): object {
  const cause: Cause = {
    stream,
    facts: [{ kind: 'age', ruleId: 'age-limit', sinceEpochMs: 1 }],
    sinceEpochMs: 1,
    version,
    state: 'open',
  };
  return { ...keys.cause(stream), ...causeContent(cause) };
}

export function deploymentItem(state: Deployment['state']): object {
  const deployment: Deployment = {
    ...{ cascadeId: 'c', service: '111122223333/eu-west-1/prod/web', mode: 'restart', state },
    ...{ startingAtEpochMs: 1, deadlineEpochMs: 2 },
  };
  return { ...keys.deployment(deployment.cascadeId, deployment.service), kind: 'deployment', ...deployment };
}
