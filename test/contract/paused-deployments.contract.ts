import { collect } from '../../shared/concurrency.ts';
import type { ContainerImage } from '../../shared/domain/admission/ecs-images.ts';
import type { Registry } from '../../shared/domain/image/image.ts';
import type { PausedDeployments } from '../../shared/ports/doors.ts';

export interface PausedDeploymentsWorld {
  readonly deployments: PausedDeployments;
  readonly place: Registry;
  /** An account that lets Patchwave answer none. */
  readonly refused: Registry;
  /** Begins a deployment that waits, and gives its ARN and what it is about to start. */
  start(): Promise<{ readonly deploymentArn: string; readonly images: readonly ContainerImage[] }>;
  /** The ARN of a deployment that there never was. */
  readonly unknown: string;
}

export function pausedDeploymentsContract(world: () => PausedDeploymentsWorld): void {
  test.each(['CONTINUE', 'ROLLBACK'] as const)(
    'a deployment waits until it is answered by %s, once',
    async (action) => {
      const { deployments, place, start } = world();
      const { deploymentArn, images } = await start();
      const waiting = await deployments.waiting(place, deploymentArn);
      if (!waiting) throw new Error('it waits');
      expect(waiting).toMatchObject({ deploymentArn, hookIds: [expect.any(String)] });
      expect(await deployments.imagesOf(place, waiting)).toEqual(images);
      expect(await collect(deployments.all(place))).toContainEqual(waiting);
      expect(await deployments.answer(place, waiting, action)).toBe(true);
      expect(await deployments.answer(place, waiting, action)).toBe(false);
      expect(await deployments.waiting(place, deploymentArn)).toBeUndefined();
      expect(await collect(deployments.all(place))).not.toContainEqual(waiting);
    },
  );

  test('a deployment that there is not does not wait', async () => {
    const { deployments, place, unknown } = world();
    expect(await deployments.waiting(place, unknown)).toBeUndefined();
  });

  test('an account that does not allow it is told apart', async () => {
    const { deployments, refused, unknown } = world();
    const error = { name: 'DeploymentsNotOursError' };
    await expect(deployments.waiting(refused, unknown)).rejects.toMatchObject(error);
    await expect(collect(deployments.all(refused))).rejects.toMatchObject(error);
  });
}
