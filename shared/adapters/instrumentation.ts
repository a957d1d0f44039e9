/** Observes the calls of a client and returns the same client. */
export type Instrument = <Client extends object>(client: Client) => Client;

let instrument: Instrument = (client) => client;

/** Sets how new clients are observed. Without it they are unchanged. */
export function instrumentClients(by: Instrument): void {
  instrument = by;
}

/** The client, observed if its function is traced. */
export const instrumented: Instrument = (client) => instrument(client);
