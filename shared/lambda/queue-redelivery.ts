import { queueClient } from '../adapters/clients.ts';
import { SqsRedelivery } from '../adapters/sqs-redelivery.ts';
import type { Redelivery } from '../ports/redelivery.ts';
import * as v from '../schema.ts';
import { loadEnv } from './env.ts';
import { variables } from './variables.ts';

const environment = v.object(variables('QUEUE_URL'));

/** @throws EnvironmentError if the function has no queue */
export const queueRedelivery = (): Redelivery => new SqsRedelivery(queueClient(), [loadEnv(environment).QUEUE_URL]);
