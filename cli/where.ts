import type { HubConfig } from '../shared/adapters/clients.ts';

const DEFAULT_STACK = 'patchwave';

/** `--stack` and `--region`, with defaults from the environment. */
export interface Where {
  readonly stack: string | undefined;
  readonly region: string | undefined;
}

export function installationAt(where: Where): { readonly stack: string; readonly config: HubConfig } {
  // The AWS CLI reads AWS_DEFAULT_REGION and the SDK does not; a setup for one should work for the other.
  const region = where.region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  return {
    stack: where.stack ?? process.env.PATCHWAVE_STACK ?? DEFAULT_STACK,
    config: region === undefined ? {} : { region },
  };
}
