import { broken, type CheckFinding, ok } from '../finding.ts';
import type { TableDescription } from '../installation.ts';

/** Checks that the table of the ledger is there and can be restored. */
export function checkLedger({ name, status, isRestorable }: TableDescription): readonly CheckFinding[] {
  if (status === undefined)
    return [
      broken(
        name,
        `The table ${name} of the ledger does not exist, so Patchwave can do nothing.`,
        'Restore it: see "A deleted ledger" in docs/operations.md.',
      ),
    ];
  if (status !== 'ACTIVE' && status !== 'UPDATING')
    return [
      broken(
        name,
        `The table ${name} of the ledger is ${status}.`,
        `Wait until it is ACTIVE: aws dynamodb wait table-exists --table-name ${name}. If it is not, see "A deleted ledger" in docs/operations.md.`,
      ),
    ];
  if (!isRestorable)
    return [
      broken(
        name,
        `Point-in-time recovery of the table ${name} is off, so a lost ledger cannot be restored.`,
        `Turn it on: aws dynamodb update-continuous-backups --table-name ${name} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`,
      ),
    ];
  return [ok(name, 'The table of the ledger is there, and can be restored to a point in time.')];
}
