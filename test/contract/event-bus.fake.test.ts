import { FakeEventBus } from '../support/fakes/files.ts';
import { eventBusContract } from './event-bus.contract.ts';

eventBusContract(() => ({
  newBus: async () => {
    const bus = new FakeEventBus();
    return { bus, receive: async () => bus.published };
  },
}));
