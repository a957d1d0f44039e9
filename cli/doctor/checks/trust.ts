/** Trust that a member account's role needs, so that the hub's functions can assume it. */
export interface ExpectedTrust {
  /** The account of the hub. */
  readonly hubAccount: string;
  readonly externalId: string;
  /** Absent: the hub trusts accounts one by one. */
  readonly organizationId?: string;
  /** IAM path of the functions that assume the role: `builder`, `deployer` or `protector`. */
  readonly path: string;
}

type Json = unknown;
const listOf = (value: Json): readonly Json[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const objectOf = (value: Json): Readonly<Record<string, Json>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, Json>) : {};

/**
 * The problem of a trust policy; `undefined` if it matches member-account.yaml for this hub.
 * @param document JSON
 */
export function trustProblem(document: string, expected: ExpectedTrust): string | undefined {
  const statements = listOf(objectOf(parsed(document)).Statement).map(objectOf);
  const allowing = statements.filter(
    ({ Effect, Action }) => Effect === 'Allow' && listOf(Action).includes('sts:AssumeRole'),
  );
  const root = `:iam::${expected.hubAccount}:root`;
  const ofHub = allowing.filter(({ Principal }) =>
    listOf(objectOf(Principal).AWS).some((name) => name === expected.hubAccount || String(name).endsWith(root)),
  );
  if (ofHub.length === 0) return `it does not trust the hub's account ${expected.hubAccount}`;
  const problems = ofHub.map((statement) => conditionProblem(objectOf(statement.Condition), expected));
  return problems.includes(undefined) ? undefined : problems[0];
}

function parsed(document: string): Json {
  try {
    return JSON.parse(document);
  } catch {
    return undefined;
  }
}

function conditionProblem(
  conditions: Readonly<Record<string, Json>>,
  { hubAccount, externalId, organizationId, path }: ExpectedTrust,
): string | undefined {
  const equals = objectOf(conditions.StringEquals);
  if (!listOf(equals['sts:ExternalId']).includes(externalId)) return 'it does not require the external id of the hub';
  const required = listOf(equals['aws:PrincipalOrgID']);
  if (organizationId === undefined && required.length > 0)
    return `it requires the organization ${String(required[0])}, and the hub has no OrganizationId`;
  if (organizationId !== undefined && !required.includes(organizationId))
    return `it does not require the organization ${organizationId}`;
  const pattern = `:iam::${hubAccount}:role/patchwave/${path}/*`;
  const trusted = listOf(objectOf(conditions.ArnLike)['aws:PrincipalArn']);
  return trusted.some((arn) => String(arn).endsWith(pattern))
    ? undefined
    : `it does not trust roles of the path /patchwave/${path}/`;
}
