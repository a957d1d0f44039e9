import type { CallCount } from '../local/cloud/admin-types.ts';

/** The cloud counts by IAM action, or by method and path for a service with unknown actions. */
const BY_PATH: Readonly<Record<string, string>> = { 'account:POST /listRegions': 'account:ListRegions' };

/** `service:operation` of a counted call. */
export function callKey({ service, operation }: CallCount): string {
  const key = `${service}:${operation}`;
  return BY_PATH[key] ?? key;
}

/** True for calls of Patchwave; the set-up of the fleet and the benchmark call as other principals. */
export const isOfRole = ({ principal }: CallCount): boolean => !['root', 'user', 'anonymous'].includes(principal);
