import { REGION_CODE } from '../../shared/domain/image/region.ts';
import { UsageError } from '../errors.ts';

/** What an installation needs to know before its first deployment. */
export interface InitSettings {
  /** The account of the hub. */
  readonly account: string;
  /** The Region of the hub. */
  readonly region: string;
  readonly stack: string;
  /** Absent: the hub trusts accounts one by one. */
  readonly organization?: string;
  /** Other accounts that the hub trusts; empty with an organization. */
  readonly members: readonly string[];
  /** Regions that reviews read; the first is that of the hub. */
  readonly regions: readonly string[];
  /** Whether the stack of the hub makes the roles of its own account. */
  readonly readsHubAccount: boolean;
  readonly externalId: string;
  readonly alarmEmail?: string;
  readonly alarmTopic?: string;
}

/** One setting: how a person names it, and what it may be. The limits are those of template.yaml. */
export interface Field {
  readonly option: string;
  readonly pattern: RegExp;
  /** The most characters, where the pattern does not say it. */
  readonly most?: number;
  /** What it must be, after "must be". */
  readonly form: string;
  /** Whether an empty text is an answer: none. */
  readonly mayBeNone?: boolean;
}

export const FIELDS = {
  account: { option: 'account', pattern: /^\d{12}$/, form: 'an AWS account id, which has 12 digits' },
  region: {
    option: 'region',
    pattern: new RegExp(`^${REGION_CODE}$`),
    form: 'the code of an AWS Region, such as eu-west-1',
  },
  stack: {
    option: 'stack',
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-parameters.html
    pattern: /^[A-Za-z][A-Za-z0-9-]{0,127}$/,
    form: 'a stack name: letters, digits and dashes, at most 128, a letter first',
  },
  organization: {
    option: 'organization',
    pattern: /^o-[a-z0-9]{10,32}$/,
    form: 'the id of an organization, such as o-a1b2c3d4e5',
    mayBeNone: true,
  },
  members: {
    option: 'members',
    pattern: /^\d{12}(,\d{12}){0,49}$/,
    form: 'at most 50 account ids of 12 digits, with commas between them',
    mayBeNone: true,
  },
  regions: {
    option: 'regions',
    pattern: new RegExp(`^${REGION_CODE}(,${REGION_CODE})*$`),
    form: 'codes of AWS Regions, with commas between them',
  },
  externalId: {
    option: 'external-id',
    pattern: /^[\w+=,.@:/-]{8,56}$/,
    form: '8 to 56 letters, digits and characters of _+=,.@:/-',
  },
  alarmEmail: {
    option: 'alarm-email',
    pattern: /^[^@\s"\\]+@[^@\s"\\]+$/,
    most: 254,
    form: 'an email address of at most 254 characters',
    mayBeNone: true,
  },
  alarmTopic: {
    option: 'alarm-topic',
    pattern: /^arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w-]+$/,
    form: 'the ARN of an SNS topic',
    mayBeNone: true,
  },
} as const satisfies Record<string, Field>;

/** The problem of a value; `undefined` if it is valid. */
export const fieldProblem = (
  value: string,
  { pattern, most = Infinity, form, mayBeNone }: Field,
): string | undefined =>
  (value === '' && mayBeNone === true) || (pattern.test(value) && value.length <= most) ? undefined : `must be ${form}`;

/** @throws UsageError naming the option */
export function checked(value: string, field: Field): string {
  const problem = fieldProblem(value, field);
  if (problem !== undefined) throw new UsageError(`--${field.option} is "${value}"; it ${problem}.`);
  return value;
}
