import type { CallCount } from '../local/cloud/admin-types.ts';

/** The cloud counts by IAM action, and by method and path where it does not know a service's actions. */
const BY_PATH: Readonly<Record<string, string>> = { 'account:POST /listRegions': 'account:ListRegions' };

/** `service:operation` of a counted call. */
export function callKey({ service, operation }: CallCount): string {
  const key = `${service}:${operation}`;
  return BY_PATH[key] ?? key;
}

/** Whether Patchwave called, and not who sets up the fleet or looks at it. */
export const isOfRole = ({ principal }: CallCount): boolean => !['root', 'user', 'anonymous'].includes(principal);
