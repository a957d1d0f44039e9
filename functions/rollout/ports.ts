import type { Cascade } from '../../shared/domain/cause/cascade.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { RolloutTargets } from '../../shared/domain/image/workload-kind.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { Clock, IdGenerator } from '../../shared/ports/clock.ts';
import type { EvidenceStore } from '../../shared/ports/evidence.ts';
import type { SwitchLedger } from '../../shared/ports/kill-switch.ts';
import type {
  CauseLedger,
  ImageLedger,
  PlaceLedger,
  RunLedger,
  ScopeLedger,
  UsageLedger,
} from '../../shared/ports/ledger.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { ImageRegistry } from '../../shared/ports/registry.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import type { Deployer } from '../../shared/ports/rollouts.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { ServiceAtZeroReads } from '../../shared/ports/services-at-zero.ts';
import type { StreamImages } from '../../shared/ports/stream-images.ts';

export interface RolloutPorts {
  readonly cascades: Pick<CascadeLedger, 'get' | 'nodes'>;
  readonly rollouts: RolloutLedger;
  readonly causes: Pick<CauseLedger, 'get' | 'change'>;
  readonly images: Pick<ImageLedger, 'get'>;
  readonly places: Pick<PlaceLedger, 'indexes' | 'locations' | 'pushesOf'>;
  readonly usages: Pick<UsageLedger, 'all' | 'ofImage' | 'digests' | 'leftOfImage' | 'endedSince'>;
  readonly streamImages: Pick<StreamImages, 'of'>;
  readonly runs: Pick<RunLedger, 'get' | 'parts'>;
  readonly scopes: Pick<ScopeLedger, 'all' | 'get'>;
  readonly servicesAtZero: ServiceAtZeroReads;
  readonly killSwitch: Pick<SwitchLedger, 'read'>;
  readonly policies: Pick<PolicyStore, 'current' | 'load'>;
  readonly files: RunFiles;
  readonly evidence: Pick<EvidenceStore, 'findings'>;
  readonly registry: Pick<ImageRegistry, 'resolveTag' | 'manifests'>;
  readonly deployer: Deployer;
  readonly targets: RolloutTargets;
  readonly clock: Clock;
  readonly ids: IdGenerator;
}

export interface RolloutLimits {
  /** Shortest wait between two checks. */
  readonly pollSeconds: number;
}

/** @throws InvalidInputError if it was not planned */
export async function knownCascade({ cascades }: Pick<RolloutPorts, 'cascades'>, cascadeId: string): Promise<Cascade> {
  const cascade = await cascades.get(cascadeId);
  if (cascade) return cascade;
  throw new InvalidInputError([`cascadeId: the ledger has no cascade ${cascadeId}`]);
}

/** The images that a digest stands for: an index and its images, or the image itself. */
export async function digestsUnder(
  { places }: Pick<RolloutPorts, 'places'>,
  output: Digest,
): Promise<ReadonlySet<Digest>> {
  return new Set([output, ...(await imagesUnder(places, output))]);
}
