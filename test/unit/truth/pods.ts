import { kubernetesService } from '../../../shared/domain/image/workload-kind.ts';
import { HOUR_MS } from '../../support/samples.ts';
import type { Trouble } from './trouble.ts';

/** Some services run as pods, and now and then a node leaves, so that a pod starts again on another one. */
export const pods: Trouble = {
  feature: 'pods',
  begin: (life, milliseconds) => {
    const { diceFor, clockwork, ecs } = life;
    const services = ecs.services.filter((service) => kubernetesService(service));
    if (services.length === 0) return;
    const dice = diceFor('nodes that leave');
    for (let left = dice.int(1, 12); left > 0; left -= 1) {
      const [service, nth] = [dice.pick(services), dice.int(0, 3)];
      const seconds = Math.floor(dice.between(0, (milliseconds - HOUR_MS) / 1000));
      clockwork.in(seconds * 1000, () => clockwork.spawn(() => ecs.recreatePod(service, nth)));
    }
  },
};
