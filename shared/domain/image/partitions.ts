/**
 * What exists where: the partitions of AWS as Patchwave needs them. The list of partitions, their Regions and endpoints
 * are those of botocore; the types are checked against the resource schemas of cfn-lint, Region by Region
 * (test/template/partitions.slow.test.ts).
 */
export const MADE_FROM = { botocore: '1.43.127', 'cfn-lint': '1.58.0' } as const;

export interface Partition {
  readonly name: string;
  /** How the codes of its Regions begin. */
  readonly regionsBegin: string;
  /**
   * Where AWS Account Management has no endpoint, so that `account:ListRegions` cannot be asked: every Region. No account
   * can disable one there. https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
   */
  readonly regions?: readonly string[];
  /** What a template of Patchwave names and that does not exist there; absent where both sources know too little. */
  readonly missing?: {
    /** Types of CloudFormation. */
    readonly types: readonly string[];
    /** Prefixes of IAM actions, without an endpoint. */
    readonly services: readonly string[];
  };
}

/** The partition whose Regions begin as no other's do. */
const COMMERCIAL: Partition = { name: 'aws', regionsBegin: '', missing: { types: [], services: [] } };

const PARTITIONS: readonly Partition[] = [
  {
    ...{ name: 'aws-cn', regionsBegin: 'cn-' },
    missing: {
      types: ['AWS::ECR::SigningConfiguration', 'AWS::Signer::SigningProfile'],
      services: ['codestar-connections'],
    },
  },
  {
    ...{ name: 'aws-us-gov', regionsBegin: 'us-gov-', regions: ['us-gov-east-1', 'us-gov-west-1'] },
    missing: { types: [], services: ['account'] },
  },
  {
    ...{ name: 'aws-iso', regionsBegin: 'us-iso-', regions: ['us-iso-east-1', 'us-iso-west-1'] },
  },
  {
    ...{ name: 'aws-iso-b', regionsBegin: 'us-isob-', regions: ['us-isob-east-1', 'us-isob-west-1'] },
  },
  {
    ...{ name: 'aws-iso-e', regionsBegin: 'eu-isoe-', regions: ['eu-isoe-west-1'] },
  },
  {
    ...{ name: 'aws-iso-f', regionsBegin: 'us-isof-', regions: ['us-isof-east-1', 'us-isof-south-1'] },
  },
  {
    ...{ name: 'aws-eusc', regionsBegin: 'eusc-', regions: ['eusc-de-east-1'] },
  },
];

/** By its name, as an ARN has it. */
export const partitionNamed = (name: string): Partition => PARTITIONS.find((one) => one.name === name) ?? COMMERCIAL;

/** The partition of a Region. */
export const partitionOf = (region: string): Partition =>
  PARTITIONS.find(({ regionsBegin }) => region.startsWith(regionsBegin)) ?? COMMERCIAL;

export const allPartitions = (): readonly Partition[] => [COMMERCIAL, ...PARTITIONS];
