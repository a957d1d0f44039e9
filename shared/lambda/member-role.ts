import type { MemberRole } from '../adapters/clients.ts';

interface MemberEnvironment {
  readonly PARTITION: string;
  readonly READ_ROLE_EXTERNAL_ID: string;
}

/** The roles of member accounts that a function assumes, by their names. The sessions bear the name of the function. */
export const memberRole =
  ({ PARTITION: partition, READ_ROLE_EXTERNAL_ID: externalId }: MemberEnvironment, functionName: string) =>
  (roleName: string): MemberRole => ({ partition, roleName, externalId, sessionName: `patchwave-${functionName}` });
