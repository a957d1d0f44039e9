import { FakeMessages } from '../support/fakes/messages.ts';
import { messagesContract } from './messages.contract.ts';

messagesContract(() => ({
  newQueue: async () => {
    const messages = new FakeMessages<{ readonly number: number; readonly text: string }>();
    return { messages, receive: async () => messages.take() };
  },
}));
