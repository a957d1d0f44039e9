/** Watches what a client calls, and gives the same client back. */
export type Instrument = <Client extends object>(client: Client) => Client;

let instrument: Instrument = (client) => client;

/** Sets how clients are watched that are made from now on. Without it they are made as they are. */
export function instrumentClients(by: Instrument): void {
  instrument = by;
}

/** The client, watched where its function is traced. */
export const instrumented: Instrument = (client) => instrument(client);
