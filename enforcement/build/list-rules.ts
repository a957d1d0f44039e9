import type { Shard } from '../../shared/domain/admission/allowed-images.ts';
import { celText } from './cel.ts';
import { emptyList, type Validation, type Variable } from './image-rules.ts';
import type { Subject } from './subject.ts';

/** Rules of the doors that decide by a list of allowed images. */
export const LIST_RULES = { digestAllowed: 'digest-allowed', listCurrent: 'list-current' } as const;

/** What the list says of the digests that begin with its prefix: needs the variables `asked` and `exempt`. */
export function listVariables({ prefix }: Pick<Shard, 'prefix'>, subject: Subject): readonly Variable[] {
  const { object, before, namespace, list } = subject;
  // The clock of the API server: it writes this field itself, at a creation only. Nothing tells the time of an update.
  const createdAt = `timestamp(${object}.metadata.creationTimestamp)`;
  const isInTime = `(!variables.hasClock || ${createdAt} < timestamp(${list}.running[d].until))`;
  const pattern = `@sha256:${prefix}[0-9a-f]{${64 - prefix.length}}$`;
  return [
    {
      name: 'digests',
      expression: `variables.asked.filter(i, i.matches(${celText(pattern)}) && !(i in variables.exempt)).map(i, i.substring(i.size() - 64))`,
    },
    { name: 'hasClock', expression: `${before} == null && has(${object}.metadata.creationTimestamp)` },
    { name: 'isOutdated', expression: `variables.hasClock && ${createdAt} > timestamp(${list}.notAfter)` },
    {
      name: 'running',
      expression: `variables.digests.filter(d, has(${list}.running) && d in ${list}.running\n&& ${namespace} in ${list}.running[d].namespaces && ${isInTime})`,
    },
    {
      name: 'unlisted',
      expression: `variables.digests.filter(d, !(d in ${list}.digests) && !(d in variables.running))`,
    },
  ];
}

/** Each digest is listed. Where a door denies, it does so only while the list is current. */
export const digestsListed = (unless: string): Validation =>
  emptyList(
    "variables.unlisted.map(d, 'sha256:' + d)",
    LIST_RULES.digestAllowed,
    'is not in the list of images that may start',
    'Deploy an image that the policy allows; patchwave why shows what it says of this one.',
    unless,
  );

/** What only ever warns: an image that may start for now, and a list that is out of date. */
export function listWarnings({ list }: Subject, unless = 'false'): readonly Validation[] {
  const entry = `${list}.running[variables.running[0]]`;
  const { listCurrent } = LIST_RULES;
  const or = unless === 'false' ? '' : `${unless} || `;
  return [
    {
      expression: `${or}variables.running.size() == 0`,
      message: 'An image may start here only for now, because it runs here already. Deploy a newer image.',
      messageExpression: `'Image sha256:' + variables.running[0] + ' may start here until ' + string(${entry}.until) + ', because it runs here already. Then it is refused (' + ${entry}.rule + '). Deploy a newer image before.'`,
    },
    {
      expression: `${or}!variables.isOutdated || variables.digests.size() == 0`,
      message: `The list of images that may start is out of date, so it refuses nothing (${listCurrent}). Check what publishes it.`,
      messageExpression: `'The list of images that may start ended at ' + string(${list}.notAfter) + ', so it refuses nothing (${listCurrent}). Check what publishes it.'`,
    },
  ];
}
