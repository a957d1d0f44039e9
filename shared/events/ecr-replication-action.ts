import { imageArrival } from './ecr-image-action.ts';

/** A registry received a copy from another account or Region; the event's account, Region and repository are the copy's. */
export const ecrReplicationAction = imageArrival('ECR Replication Action', {
  'action-type': 'REPLICATE',
  result: 'SUCCESS',
});
