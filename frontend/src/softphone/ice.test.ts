import { expect, it } from "vitest";
import { asksServers, configOf, peerConfig, renew } from "./ice";

const STUN = { urls: ["stun:stun.example.com"], username: null, credential: null };
const TURN = { urls: ["turn:turn.example.com", "turns:turn.example.com"], username: "1795147200:sato", credential: "c" };

it("asks nobody until it is told whom", () => {
  expect([peerConfig(), asksServers()]).toEqual([{ iceServers: [] }, false]);
});

it("gives the browser servers, log-ins and the policy", () => {
  expect(configOf({ servers: [STUN, TURN], relay_only: false })).toEqual({
    iceServers: [{ urls: STUN.urls }, TURN],
    iceTransportPolicy: "all",
  });
  expect(configOf({ servers: [TURN], relay_only: true }).iceTransportPolicy).toBe("relay");
});

it("gives the calls from now on the log-in of now", () => {
  renew({ servers: [TURN], relay_only: false });
  renew({ servers: [{ ...TURN, username: "1795150800:sato", credential: "d" }], relay_only: false });
  expect(peerConfig().iceServers).toEqual([{ ...TURN, username: "1795150800:sato", credential: "d" }]);
  expect(asksServers()).toBe(true);
  renew({ servers: [], relay_only: false });
  expect(asksServers()).toBe(false);
});
