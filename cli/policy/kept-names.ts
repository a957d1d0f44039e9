import type { Policy } from '../../shared/domain/policy/policy.ts';
import { type KeptNames, keepStreamNames, type UnclearLine } from '../../shared/domain/stream/keep-names.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import { UsageError } from '../errors.ts';

/** A policy whose release lines have the names of their streams. */
export type NamedPolicy = Omit<KeptNames, 'unclear'>;

/**
 * A policy file as `policy apply` puts it in force: its release lines keep the names of their streams. Each command that takes a
 * file asks here, so all see the same streams.
 * @throws UsageError if it is not clear which release line goes on as which
 */
export async function namedAsBefore(policies: Pick<Policies, 'history'>, policy: Policy): Promise<NamedPolicy> {
  const { applied } = await policies.history();
  const { unclear, ...kept } = keepStreamNames(
    applied.map((one) => one.policy),
    policy,
  );
  if (unclear.length === 0) return kept;
  throw new UsageError(
    `It is not clear which streams go on under these patterns:\n${unclear.map(lineText).join('\n')}\n` +
      'Give each a name in `names` of its rule: one that is listed here keeps the streams with their history, causes and closures; ' +
      'another one begins new streams.',
  );
}

function lineText({ rule, headTag, mayBe, takenBy }: UnclearLine): string {
  const what = takenBy === undefined ? mayBe.join(' or ') : `${mayBe.join()} is the name of head tag ${takenBy}`;
  return `  rule ${rule}, head tag ${headTag}: ${what}`;
}
