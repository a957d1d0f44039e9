import type { Fleet } from '../fleet/schema.ts';
import type { Progress } from './progress.ts';

/** Explains the output to a person who does not know AWS. */
const WORDS = [
  'A service of ECS, or a Deployment of Kubernetes, runs an image. The digest (sha256:...) identifies its exact content: another digest is another image.',
  'Applications are built on platforms, platforms on a base. A vulnerability in the base is in all of them.',
  'Each team has a pipeline that builds its image. Patchwave starts the pipeline and verifies the new image.',
];

/** Prints what the demo shows, before it begins. */
export function printFleet(progress: Progress, { name, description }: Pick<Fleet, 'name' | 'description'>): void {
  progress.heading(`Patchwave in a local AWS, with the fleet "${name}"`);
  for (const text of [...(description === undefined ? [] : [description]), ...WORDS]) progress.text(`  ${text}`, 2);
  progress.heading('Setting up');
}
