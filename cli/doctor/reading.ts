import { type CheckFinding, unknown } from './finding.ts';

/** Result of one read: a value, or why there is none. */
export type DoctorReading<Value> =
  | { readonly isRead: true; readonly value: Value }
  | {
      readonly isRead: false;
      readonly reason: string;
      /** The IAM action that was denied; absent where the read failed for another reason. */
      readonly deniedAction?: string;
    };

/** AWS denied a read. Adapters throw it where they know the action. */
export class ReadDeniedError extends Error {
  override readonly name = 'ReadDeniedError';
  readonly action: string;
  constructor(action: string, cause: Error) {
    super(`${action} was denied: ${cause.message}`, { cause });
    this.action = action;
  }
}

export const wasRead = <Value>(value: Value): DoctorReading<Value> => ({ isRead: true, value });

/** Runs a read. Never throws: a failure is a result too. */
export async function reading<Value>(read: () => Promise<Value>): Promise<DoctorReading<Value>> {
  try {
    return wasRead(await read());
  } catch (error) {
    if (!(error instanceof Error)) return { isRead: false, reason: String(error) };
    const deniedAction = deniedActionOf(error);
    const reason = error instanceof ReadDeniedError ? error.message : `${error.name}: ${error.message}`;
    return { isRead: false, reason, ...(deniedAction !== undefined && { deniedAction }) };
  }
}

/**
 * The action that AWS names in a denial, also inside a wrapping error.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function deniedActionOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const named = /not authorized to perform: (?<action>[\w-]+:\w+)/.exec(error.message)?.groups?.action;
  return named ?? deniedActionOf(error.cause) ?? (error instanceof ReadDeniedError ? error.action : undefined);
}

/** The finding for a resource that could not be read. */
export const unread = (
  resource: string,
  { reason, deniedAction }: Extract<DoctorReading<unknown>, { isRead: false }>,
  next?: string,
): CheckFinding =>
  unknown(
    resource,
    `Not checked: ${reason}`,
    next ??
      (deniedAction === undefined
        ? withoutAction(reason)
        : `Allow yourself ${deniedAction}; see "Permissions" in docs/commands.md.`),
  );

/** What to do about an error of the SDK that names no action. */
function withoutAction(reason: string): string {
  if (/^(CredentialsProviderError|ExpiredToken(Exception)?):/.test(reason))
    return 'Give credentials as the AWS CLI takes them, such as AWS_PROFILE=<name>, and sign in again if they have expired.';
  if (/^Error: Region is missing/.test(reason)) return 'Name the Region of the stack: --region REGION, or AWS_REGION.';
  return 'Run the command again. If this persists, fix what the message names.';
}
