import { matchesGlob } from '../../../shared/domain/common/glob.ts';
import { broken, type CheckFinding, ok, orOk } from '../finding.ts';
import type { KeyDescription } from '../installation.ts';

/**
 * Services that use the key as their own principal, with the actions; see "A key of your own" in docs/operations.md.
 */
const SERVICES: readonly { readonly service: string; readonly actions: readonly string[] }[] = [
  { service: 'events', actions: ['kms:Decrypt', 'kms:GenerateDataKey'] },
  { service: 'scheduler', actions: ['kms:Decrypt', 'kms:GenerateDataKey'] },
  { service: 'logs', actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'] },
];
const CHAPTER = 'See "A key of your own" in docs/operations.md.';

/** Checks that services and ledger can use the key of the parameter KmsKeyArn; `undefined` without a key. */
export function checkKey(key: KeyDescription | undefined): readonly CheckFinding[] {
  if (!key) return [ok('key', 'The stack uses keys that AWS owns: KmsKeyArn is empty.')];
  const { arn, state, policy, ledgerLostAtEpochMs } = key;
  if (state !== 'Enabled')
    return [
      broken(
        arn,
        `The key ${arn} is ${state}, so ledger, buckets, queues and bus cannot be used.`,
        state === 'PendingDeletion'
          ? `Stop the deletion: aws kms cancel-key-deletion --key-id ${arn}, then aws kms enable-key --key-id ${arn}`
          : `Enable it: aws kms enable-key --key-id ${arn}`,
      ),
    ];
  const denied = SERVICES.filter((one) => !isAllowed(policy, one)).map(({ service }) =>
    broken(
      arn,
      `The policy of the key ${arn} does not let the service ${service} use it.`,
      `Add the statement for ${service} to the policy of the key. ${CHAPTER}`,
    ),
  );
  const lost =
    ledgerLostAtEpochMs === undefined
      ? []
      : [
          broken(
            arn,
            `Since ${new Date(ledgerLostAtEpochMs).toISOString()}, DynamoDB cannot use the key ${arn} for the ledger: its grant was revoked, or the policy of the key denies it.`,
            `Let the key policy delegate to the account's IAM policies, then deploy again. ${CHAPTER}`,
          ),
        ];
  return orOk([...denied, ...lost], arn, 'The key is enabled; its policy lets the services and the ledger use it.');
}

type Json = unknown;
const listOf = (value: Json): readonly Json[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const objectOf = (value: Json): Readonly<Record<string, Json>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, Json>) : {};

/** Conditions of statements count as met, because the key owner wrote them for this account. */
function isAllowed(policy: string, { service, actions }: (typeof SERVICES)[number]): boolean {
  const statements = listOf(objectOf(parsed(policy)).Statement).map(objectOf);
  return actions.every((action) =>
    statements.some(
      ({ Effect, Principal, Action }) =>
        Effect === 'Allow' &&
        isService(Principal, service) &&
        listOf(Action).some((pattern) => matchesGlob(String(pattern), action)),
    ),
  );
}

/** `events.amazonaws.com`, also with a Region and in other partitions. */
const isService = (principal: Json, service: string): boolean =>
  principal === '*' ||
  listOf(objectOf(principal).Service).some((name) => name === '*' || String(name).startsWith(`${service}.`));

function parsed(document: string): Json {
  try {
    return JSON.parse(document);
  } catch {
    return undefined;
  }
}
