import type { Progress } from './progress.ts';

/** Explains the details to a person who does not know AWS. */
const WORDS = [
  'A service of ECS, or a Deployment of Kubernetes, runs an image. The digest (sha256:...) identifies its exact content: another digest is another image.',
  'Applications are built on platforms, platforms on a base. A vulnerability in the base is in all of them.',
  'Each team has a pipeline that builds its image. Patchwave starts the pipeline and verifies the new image.',
];

/** Prints what a reader of the details has to know. */
export function printWords(progress: Progress): void {
  for (const text of WORDS) progress.text(`  ${text}`, 2);
}
