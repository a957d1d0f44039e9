import { shards } from '../../../enforcement/build/allowed-images.ts';
import { admissionFactsOf } from '../../../shared/domain/admission/admission-facts.ts';
import { admit } from '../../../shared/domain/admission/admit.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { HOUR_MS } from '../samples.ts';
import type { ConformanceCase } from './cases.ts';

const LETTERS_BEFORE = 'sha256:'.length;

/** The lists of allowed images that a publisher would keep for the cluster of a case, by name. */
export function allowedLists({ situation, place }: ConformanceCase): Readonly<Record<string, object>> {
  const { images, indexes, running, policy, nowEpochMs } = situation;
  const records = { images, indexes: indexes as never, running };
  const { approvedRegistries: _, ...anywhere } = policy;
  const door = { mode: 'deny', requireDigest: true, graceRunningDays: situation.graceRunningDays } as const;
  const entries = [...images.keys(), ...indexes.keys()].map((digest) => {
    const known = new Map([[digest, admissionFactsOf(digest, records, policy)]]);
    return { digest, admission: admit(`any@${digest}`, { door, known, policy: anywhere, nowEpochMs }) };
  });
  const digits = (digest: Digest): string => digest.slice(LETTERS_BEFORE);
  const [notAfter, until] = [HOUR_MS, 2 * HOUR_MS].map((later) => new Date(nowEpochMs + later).toISOString());
  return Object.fromEntries(
    shards(16).map(({ name, prefix }) => {
      const here = entries.filter(({ digest }) => digits(digest).startsWith(prefix));
      const digests = here.flatMap(({ digest, admission }) =>
        admission.decision === 'allow' ? [[digits(digest), ''] as const] : [],
      );
      const runs = here.flatMap(({ digest, admission }) =>
        admission.decision === 'warn'
          ? [[digits(digest), { namespaces: [place.namespace], until, rule: admission.ruleId }] as const]
          : [],
      );
      const spec = { notAfter, digests: Object.fromEntries(digests), running: Object.fromEntries(runs) };
      return [name, { apiVersion: 'patchwave.dev/v1', kind: 'AllowedImages', metadata: { name }, spec }];
    }),
  );
}
