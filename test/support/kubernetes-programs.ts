import { type KubernetesPrograms, kubernetesPrograms, startedImageProgram } from '../../scripts/kubernetes.ts';

const NO_GO = 'This machine has no Go. Install Go, then run `npm run test:kubernetes`.';

/** The programs that `npm run test:kubernetes` has built. */
export async function programs(): Promise<KubernetesPrograms> {
  const found = await kubernetesPrograms();
  if (found === undefined) throw new Error(NO_GO);
  return found;
}

/** The program that says which image of an index containerd starts. */
export async function startedImage(): Promise<string> {
  const found = await startedImageProgram();
  if (found === undefined) throw new Error(NO_GO);
  return found;
}
