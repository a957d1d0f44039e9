import type { ForeseenStart, StartOutcome } from '../../shared/domain/admission/possible-start.ts';
import { clusterKey } from '../../shared/domain/image/workload-kind.ts';
import { mayJudge } from '../../shared/domain/policy/doors.ts';
import { doorPolicyOf, foreseeDoors } from '../../shared/judging/foresee-doors.ts';
import type { PolicyVersion } from '../../shared/ports/policies.ts';
import type { TemplateSource } from '../../shared/ports/templates.ts';
import type { CliContext } from '../command.ts';
import { NotFoundError } from '../errors.ts';
import {
  readRunningStarts,
  readTemplateStarts,
  type UnknownStarts,
  unidentifiedIn,
  type Wanted,
} from './read-starts.ts';

/** Numbers of images, each counted once for each workload and reference. */
export interface DoorCounts {
  readonly refused: number;
  readonly onlyWarned: number;
  readonly inGrace: number;
  readonly warned: number;
  readonly allowed: number;
  readonly notJudged: number;
  /** Containers that AWS adds to tasks, which no door judges. */
  readonly unnamed: number;
}

export interface DoorsAnswer {
  readonly counts: DoorCounts;
  /** What is not simply allowed, in the order of places and workloads. */
  readonly starts: readonly ForeseenStart[];
  /** Where it is not known what may start. */
  readonly unknown: readonly UnknownStarts[];
  /** What may start and was not checked, one sentence each. */
  readonly notChecked: readonly string[];
}

/** What only rights that the command does not have, or nothing, would tell. */
const NOT_CHECKED: Readonly<Record<TemplateSource['platform'], string>> = {
  ECS: 'ECS tasks that do not run and that no service starts: of a schedule, an event, a pipeline or a person.',
  EKS: 'Workloads of other kinds, such as a Rollout of Argo, that have no pod; static pods of nodes.',
};

export type DoorsPorts = Pick<CliContext, 'policies' | 'scopes' | 'usages' | 'places' | 'running' | 'clock'> & {
  readonly images: Pick<CliContext['images'], 'get'>;
};

export interface DoorsQuestion {
  readonly asked: PolicyVersion;
  /** `NAME`, or `ACCOUNT/REGION/NAME`; absent for every cluster. */
  readonly cluster?: string;
  /** Absent: only what the ledger knows to run is judged. */
  readonly templates?: readonly TemplateSource[];
}

/**
 * Judges all that runs, or may start by a template, by the doors of a policy. Reads only.
 * @throws NotFoundError if there is no such cluster
 */
export async function checkDoors(
  ports: DoorsPorts,
  { asked, cluster: name, templates: sources }: DoorsQuestion,
): Promise<DoorsAnswer> {
  const { policy } = asked;
  const wanted: Wanted = {
    scopes: policy.scopes,
    area: (area) => mayJudge(policy, area),
    cluster: (cluster) => name === undefined || cluster.cluster === name || clusterKey(cluster) === name,
  };
  const running = await readRunningStarts(ports, wanted);
  const templates = sources && (await readTemplateStarts(sources, running.scopes, wanted));
  const unidentified = unidentifiedIn(running.scopes, templates?.complete ?? new Set(), wanted);
  const unknown = [...running.unknown, ...(templates?.unknown ?? []), ...unidentified];
  const isFound = running.clusters.size + (templates?.clusters.size ?? 0) + unknown.length > 0;
  if (name !== undefined && !isFound)
    throw new NotFoundError(
      `No cluster ${name} is known where a door of the policy may judge. See its \`doors\`: patchwave policy show`,
    );
  const doors = await doorPolicyOf(ports.policies, asked, ports.clock());
  const foreseen = await foreseeDoors(ports, doors, [...running.starts, ...(templates?.starts ?? [])]);
  return {
    counts: countsOf(foreseen, running.unnamed),
    starts: foreseen.filter(({ outcome }) => outcome !== 'allowed' && outcome !== 'not-judged'),
    unknown,
    notChecked: sources?.map(({ platform }) => NOT_CHECKED[platform]) ?? [],
  };
}

function countsOf(starts: readonly ForeseenStart[], unnamed: number): DoorCounts {
  const count = (outcome: StartOutcome): number => starts.filter((start) => start.outcome === outcome).length;
  return {
    ...{ refused: count('refused'), onlyWarned: count('only-warned'), inGrace: count('in-grace') },
    ...{ warned: count('warned'), allowed: count('allowed'), notJudged: count('not-judged'), unnamed },
  };
}
