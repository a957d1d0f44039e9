import { type KubernetesPrograms, kubernetesPrograms } from '../../scripts/kubernetes.ts';

/** The programs that `npm run test:kubernetes` has built. */
export async function programs(): Promise<KubernetesPrograms> {
  const found = await kubernetesPrograms();
  if (found === undefined) throw new Error('This machine has no Go. Install Go, then run `npm run test:kubernetes`.');
  return found;
}
