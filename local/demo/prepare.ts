import { counted } from '../../shared/domain/common/counted.ts';
import type { Fleet } from '../fleet/schema.ts';
import { type Installation, install } from '../installation.ts';
import { createRegistryTiers, type RegistryTiers } from '../registry-tiers.ts';
import type { DemoFlags } from './flags.ts';
import type { Progress } from './progress.ts';
import type { Stopwatch } from './stopwatch.ts';
import type { Story } from './story.ts';

/** Without the start of the cloud: its line names a folder that is known only later. */
const STEPS = (fleet: Fleet) => ({
  build: "Bundles Patchwave's functions",
  fleet: `Creates the fleet: ${fleet.images.length > 0 ? sizeOf(fleet) : 'an account with nothing in it'}`,
  deploy: 'Deploys template.yaml, member-account.yaml and the policy',
});

/** What each step makes, for a line that says for what the demo waits. */
const MAKES = {
  build: "the bundles of Patchwave's functions",
  fleet: 'the images and workloads of the fleet',
  deploy: 'the stacks of Patchwave',
  registry: 'the images of three tiers',
} as const;

const sizeOf = ({ repositories, images, workloads, kubernetesWorkloads }: Fleet): string =>
  [
    counted(repositories.length, 'repository', 'repositories'),
    counted(images.length, 'image'),
    counted(workloads.length + kubernetesWorkloads.length, 'workload'),
  ].join(', ');

interface Preparing {
  readonly story: Story;
  readonly details: Progress;
  readonly watch: Stopwatch;
}

/** Starts the cloud with the fleet and a deployed Patchwave; with `--registry` also the tiers of the templates. */
export async function prepare(
  fleet: Fleet,
  flags: Pick<DemoFlags, 'mode' | 'registry' | 'chaos'>,
  { story, details, watch }: Preparing,
): Promise<{ readonly installation: Installation; readonly tiers: RegistryTiers | undefined }> {
  const steps = STEPS(fleet);
  let tiers: RegistryTiers | undefined;
  const step = (name: keyof typeof MAKES, text: string): void => {
    story.say(text);
    story.waitFor(() => MAKES[name]);
    watch.begin(name);
  };
  const installation = await install(fleet, {
    build: true,
    // What a lost event delays, the planner finds by its schedule.
    parameters: { PlanningState: 'ENABLED', ...(flags.chaos !== undefined && { PlanMinutes: '5' }) },
    ...(flags.mode && { mode: flags.mode }),
    ...(flags.registry && {
      prepare: async (cloud) => {
        step('registry', 'Deploys registry.yaml and pipeline.yaml, whose pipelines build three tiers');
        tiers = await createRegistryTiers(cloud, fleet, (line) => details.text(`  ${line}`, 2));
        return tiers.pipelines;
      },
    }),
    onStep: (name) => {
      if (name === 'cloud' || name === 'policy') watch.begin(name);
      else step(name, steps[name]);
    },
    onCloud: ({ stateDir, removed }) => {
      story.say(`Starts a local AWS (files and log: ${stateDir})`);
      if (removed.length > 0) details.text(`  Removed files that killed demos left: ${removed.join(', ')}`, 2);
    },
    onProgress: ({ step: name, done, total }) => details.move(name, done, total),
  });
  return { installation, tiers };
}
