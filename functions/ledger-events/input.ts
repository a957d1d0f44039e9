import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as v from '../../shared/schema.ts';

const attributes = v.record(
  v.string(),
  v.custom<AttributeValue>(
    (value) => typeof value === 'object' && value !== null,
    'must be a DynamoDB attribute value',
  ),
);

/**
 * A batch of the ledger's stream; unused fields are not validated.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
 */
export const streamBatch = v.object({
  Records: v.array(
    v.object({
      dynamodb: v.object({
        SequenceNumber: v.text(),
        Keys: attributes,
        OldImage: v.optional(attributes),
        NewImage: v.optional(attributes),
      }),
    }),
  ),
});

export type ChangeRecord = v.InferOutput<typeof streamBatch>['Records'][number];
