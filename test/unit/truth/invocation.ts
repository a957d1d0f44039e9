import type { FakeWorld } from '../../support/fakes/world.ts';
import type { Clockwork } from './clockwork.ts';
import type { Dice } from './dice.ts';

/** Ports that only tell, or that a process has in itself. */
const OWN = new Set(['clock', 'advance', 'ids']);

export interface Slowness {
  /** Share from 0 to 1 of the calls of ports that take seconds, so that others act meanwhile. */
  share: number;
  /** How many did. */
  calls: number;
}

/**
 * The world of one invocation, some of whose calls take their time.
 * @param world as the invocation sees it, with what happens at its calls
 * @param bare the same fakes, which tell which of their members are calls of a port
 */
export function slowed(
  world: FakeWorld,
  bare: FakeWorld,
  { clockwork, dice, slowness }: { readonly clockwork: Clockwork; readonly dice: Dice; readonly slowness: Slowness },
): FakeWorld {
  if (slowness.share === 0) return world;
  const pause = async (): Promise<void> => {
    if (!dice.chance(slowness.share)) return;
    slowness.calls += 1;
    await clockwork.sleep(dice.int(50, 4000));
  };
  const fakes: Readonly<Record<string, unknown>> = { ...bare };
  const ports = Object.entries(world).map(([name, port]) => {
    const fake = fakes[name];
    const isPort = !OWN.has(name) && typeof port === 'object' && port !== null && typeof fake === 'object' && fake;
    return [name, isPort ? pausing(port, fake, pause) : port];
  });
  return Object.fromEntries(ports) as FakeWorld;
}

/** The same port, whose asynchronous calls begin after a pause. */
function pausing(port: object, fake: object, pause: () => Promise<void>): object {
  return new Proxy(port, {
    get: (target, key) => {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return member;
      const call = (...args: readonly unknown[]): unknown => Reflect.apply(member, target, args);
      switch (Object.prototype.toString.call(Reflect.get(fake, key, fake))) {
        case '[object AsyncFunction]':
          return async (...args: readonly unknown[]) => {
            await pause();
            return call(...args);
          };
        case '[object AsyncGeneratorFunction]':
          return async function* (...args: readonly unknown[]) {
            await pause();
            yield* call(...args) as AsyncIterable<unknown>;
          };
        default:
          return call;
      }
    },
  });
}
