import { imageArrival } from './ecr-image-action.ts';

/** A registry copied an image from an upstream registry, because somebody pulled it, or failed to. */
export const ecrPullThroughCacheAction = imageArrival('ECR Pull Through Cache Action', { 'sync-status': 'SUCCESS' });
