import type { Fleet } from '../fleet/schema.ts';
import type { Progress } from './progress.ts';

/** Enough to follow the rest for a person who has never seen AWS. */
const WORDS = [
  'An image is what a service runs; its digest (sha256:...) names its very bytes, so another digest is another image.',
  'Images are built on one another: applications on platforms, platforms on a base. Who builds on what is bad gets it too.',
  'Each team has a pipeline that builds its image. Patchwave starts it, and proves what came of it.',
];

/** What there is to see, before anything happens. */
export function printFleet(progress: Progress, { name, description }: Pick<Fleet, 'name' | 'description'>): void {
  progress.heading(`Patchwave in a local AWS, with the fleet "${name}"`);
  for (const text of [...(description === undefined ? [] : [description]), ...WORDS]) progress.text(`  ${text}`, 2);
  progress.heading('Setting up');
}
