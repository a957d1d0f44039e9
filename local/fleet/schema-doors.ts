import * as v from '../../shared/schema.ts';
import { objectName } from './schema-kubernetes.ts';
import { account, handle, region } from './schema-parts.ts';

export const doorAttemptSchema = v.strictObject({
  account,
  region,
  cluster: v.pipe(v.text(), v.description('an ECS cluster; with `namespace`, an EKS cluster')),
  namespace: v.optional(v.pipe(objectName, v.description('the namespace of a pod; if absent, a service of ECS'))),
  image: v.pipe(handle, v.description('an image that no workload of this file runs in that place')),
});
