import { queueClient } from '../adapters/clients.ts';
import { SqsRedelivery } from '../adapters/sqs-redelivery.ts';
import type { Redelivery } from '../ports/redelivery.ts';
import * as v from '../schema.ts';
import { loadEnv } from './env.ts';

const environment = v.object({
  /** The queue that the function takes its messages from. */
  QUEUE_URL: v.pipe(v.string(), v.trim(), v.url()),
});

/** @throws EnvironmentError where the function has no queue */
export const queueRedelivery = (): Redelivery => new SqsRedelivery(queueClient(), loadEnv(environment).QUEUE_URL);
