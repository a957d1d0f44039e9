import { broken, type CheckFinding, ok, orOk, unknown } from '../finding.ts';
import type { StackDescription } from '../installation.ts';

/** Outputs of template.yaml that commands, members and operators use. */
export const OUTPUTS = [
  'BusArn',
  'CheckRequestQueueUrl',
  'CheckRoleArn',
  'DashboardName',
  'DoctorQueueUrl',
  'DoctorRoleArn',
  'EvidenceBucket',
  'FleetReviewMachineArn',
  'LedgerTable',
  'PlanQueueUrl',
  'ProtectionFunctionName',
  'RebuildCascadeMachineArn',
  'RegistryEventQueueUrl',
  'RunBucket',
  'TemplateVersion',
] as const;

/** Outputs without which the ledger cannot be read. */
export const LEDGER_OUTPUTS = ['LedgerTable', 'EvidenceBucket', 'RunBucket', 'FleetReviewMachineArn'] as const;

const DEPLOY = 'Deploy this version of template.yaml: npm run build, then sam deploy.';

export const noStack = (name: string): CheckFinding =>
  broken(
    name,
    `There is no stack "${name}" in this account and Region.`,
    'Name the stack with --stack and its Region with --region, or deploy template.yaml.',
  );

const BEFORE_UPDATE: Readonly<Record<string, (name: string) => string>> = {
  ROLLBACK_COMPLETE: () => ', delete the stack,',
  UPDATE_ROLLBACK_FAILED: (name) => `, run aws cloudformation continue-update-rollback --stack-name ${name},`,
};

/** What CloudFormation requires before it updates a stack in this state. */
export const beforeUpdate = (status: string, name: string): string => BEFORE_UPDATE[status]?.(name) ?? '';

/** After UPDATE_ROLLBACK_COMPLETE the previous version works. */
export const isComplete = (status: string): boolean =>
  /^(CREATE|UPDATE|UPDATE_ROLLBACK|IMPORT|IMPORT_ROLLBACK)_COMPLETE$/.test(status);

/**
 * Checks the state of the stack.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
 */
export function checkStack({ name, account, region, status }: StackDescription): readonly CheckFinding[] {
  const says = `The stack is ${status}`;
  if (isComplete(status)) return [ok(name, `${says}, in ${account}/${region}.`)];
  if (status.endsWith('_IN_PROGRESS'))
    return [unknown(name, `${says}.`, 'Run the command again when the deployment has ended.')];
  return [
    broken(
      name,
      `${says}.`,
      `Read the reason with: aws cloudformation describe-stack-events --stack-name ${name}. Correct it${beforeUpdate(status, name)} and deploy again.`,
    ),
  ];
}

export function checkOutputs({ outputs }: StackDescription): readonly CheckFinding[] {
  const missing = OUTPUTS.filter((name) => !outputs[name]);
  return orOk(
    missing.map((name) => broken(name, `The stack has no output ${name}.`, DEPLOY)),
    'outputs',
    `The stack has all ${OUTPUTS.length} outputs.`,
  );
}

/** @param version of the command */
export function checkVersions(
  { outputs: { TemplateVersion: deployed } }: StackDescription,
  version: string,
): readonly CheckFinding[] {
  // The check `outputs` reports an absent output.
  if (deployed === undefined)
    return [
      unknown(
        'template.yaml',
        'The version of the deployed template is unknown: the stack has no output TemplateVersion.',
        DEPLOY,
      ),
    ];
  if (deployed === version) return [ok('template.yaml', `Template and command are of version ${version}.`)];
  return [
    broken(
      'template.yaml',
      `The deployed template is of version ${deployed}, but this command is of version ${version}.`,
      `Check out version ${deployed} to run commands, or upgrade the hub to ${version}: see "Upgrade" in docs/operations.md.`,
    ),
  ];
}
