import type * as v from '../../schema.ts';
import { matchesAnyName } from '../image/name-pattern.ts';
import { ecrRegistry, type ImageReference, referenceName } from '../image/reference.ts';
import { accountsNamedBy } from './our-accounts.ts';
import type { Policy } from './policy.ts';

type AwsManaged = Policy['awsManaged'];

/**
 * Whether a door lets an image start without a judgement, by tag too, because the policy names it as one of AWS. An account is
 * that of an ECR registry, by the exact form of its host.
 */
export const isExempt = (awsManaged: AwsManaged, reference: ImageReference): boolean =>
  (reference.location !== undefined && awsManaged.accounts.includes(reference.location.account)) ||
  matchesAnyName(exemptReferences(awsManaged), referenceName(reference));

/** The patterns that exempt at a door. */
export const exemptReferences = ({ references }: AwsManaged): readonly string[] => references.filter(namesItsOwner);

/**
 * Whether every name that a pattern matches has one owner: host and alias, the first part of the path, are written in full. On a
 * shared host, such as public.ecr.aws, anybody may take another alias. The host of an ECR registry has one owner by itself.
 */
function namesItsOwner(pattern: string): boolean {
  const [host = '', alias] = pattern.split('/');
  if (host.includes('*') || alias === undefined || alias === '') return false;
  return ecrRegistry(host) !== undefined || !alias.includes('*');
}

/** The patterns that exempt nothing at a door. Versions until 0.2.0 accepted them, so a policy in force may have some. */
export const sharedReferences = ({ references }: AwsManaged): readonly string[] =>
  references.filter((pattern) => !namesItsOwner(pattern));

/** What `awsManaged` must not say, because images that are not of AWS would start without a judgement. */
export function exemptionProblems(policy: Policy): v.Problem[] {
  const { accounts, references } = policy.awsManaged;
  const ours = accountsNamedBy(policy);
  return [
    ...references.flatMap((pattern, index) =>
      namesItsOwner(pattern)
        ? []
        : [{ path: ['awsManaged', 'references', index], message: `${sharedText(pattern)} ${INSTEAD}` }],
    ),
    ...accounts.flatMap((account, index) =>
      ours.has(account)
        ? [
            {
              path: ['awsManaged', 'accounts', index],
              message: `${account} is one of your accounts, so your own images would start without a judgement. Remove it`,
            },
          ]
        : [],
    ),
  ];
}

/** Why a pattern exempts nothing at a door. */
export const sharedText = (pattern: string): string =>
  `the pattern "${pattern}" covers images of strangers: it does not name host and alias in full.`;

/** What to write in its place. */
export const INSTEAD =
  'Write both, such as public.ecr.aws/karpenter/**, or put the account of a private registry into `accounts`';
