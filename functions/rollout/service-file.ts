import { serviceKey } from '../../shared/domain/cause/cascade.ts';
import { shortHash } from '../../shared/domain/cause/rebuild.ts';
import { digest } from '../../shared/domain/image/digest-schema.ts';
import type { ServiceRef } from '../../shared/ports/rollouts.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import * as v from '../../shared/schema.ts';

const mode = v.picklist(['restart', 'register']);

/** Deployment details of one service, stored by the plan beside the list that the map reads. */
const serviceDocument = v.strictObject({
  mode,
  containers: v.array(
    v.strictObject({
      ...{ container: v.text(), stream: v.text(), mode },
      /** Absent if no verified image runs on the container's platform. */
      output: v.exactOptional(digest),
      /** Images that it ran at planning: any other image was deployed by its team since. */
      ran: v.array(
        v.strictObject({ digest, reference: v.exactOptional(v.text()), platform: v.exactOptional(v.text()) }),
      ),
    }),
  ),
});
export type ServiceDocument = v.InferOutput<typeof serviceDocument>;

export const serviceFileKey = (cascadeId: string, service: ServiceRef): string =>
  `runs/${cascadeId}/services/${shortHash(serviceKey(service))}.json`;

/** @throws RunFileMissingError, SchemaError */
export async function readServiceFile(
  files: Pick<RunFiles, 'get'>,
  cascadeId: string,
  service: ServiceRef,
): Promise<ServiceDocument> {
  const key = serviceFileKey(cascadeId, service);
  return v.parse(serviceDocument, await files.get(key), `Run file ${key}`);
}
