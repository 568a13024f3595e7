/** How sound finds its way through NAT and firewalls: STUN and TURN servers, as the server told last. */
import type { MyPhone } from "../wire";

type Ice = MyPhone["ice"];

// Log-ins of TURN lapse after an hour at the soonest. Not by this machine's clock: it may be wrong.
export const RENEW_MS = 20 * 60_000;

let told: RTCConfiguration = { iceServers: [] };

/** What a browser is given. It takes no password but with a user. */
export function configOf(ice: Ice): RTCConfiguration {
  return {
    iceServers: ice.servers.map(({ urls, username, credential }) =>
      username !== null && credential !== null ? { urls, username, credential } : { urls },
    ),
    iceTransportPolicy: ice.relay_only ? "relay" : "all",
  };
}

/** For the calls from now on; a call that is on keeps what it began with. */
export function renew(ice: Ice): void {
  told = configOf(ice);
}

export const peerConfig = (): RTCConfiguration => told;

/** Whether a server is asked for ways: its answer takes longer than what this machine knows by itself. */
export const asksServers = (): boolean => (told.iceServers ?? []).length > 0;
