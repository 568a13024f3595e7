/** Who is logged in, and the one socket of this page. */
import { signal } from "@preact/signals";
import { api, Refusal } from "./api";
import { type ClientMessage, type Desk, emptyDesk, reduce } from "./desk";
import { timeZone } from "./i18n";
import { type Connection, DeskSocket } from "./socket";
import type { Me } from "./wire";

/** undefined: not asked yet; null: nobody. */
export const me = signal<Me | null | undefined>(undefined);
export const desk = signal<Desk>(emptyDesk);
export const connection = signal<Connection>("connecting");
/** Set when /api/me could not be reached at start. */
export const startProblem = signal<boolean>(false);

let socket: DeskSocket | null = null;

export async function start(): Promise<void> {
  startProblem.value = false;
  try {
    enter(await api.me());
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) me.value = null;
    else startProblem.value = true;
  }
}

export function enter(who: Me): void {
  me.value = who;
  timeZone.value = who.time_zone;
  const roles = who.user.roles;
  if (!who.user.must_change && roles.some((role) => role !== "qa")) connect();
}

export async function leave(): Promise<void> {
  await api.logout().catch(() => undefined);
  forget();
}

function forget(): void {
  socket?.close();
  socket = null;
  desk.value = emptyDesk;
  me.value = null;
}

function connect(): void {
  socket?.close();
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new DeskSocket(`${scheme}://${location.host}/api/socket`, {
    message(message) {
      const next = reduce(desk.value, message, Date.now());
      if (next.stale && !desk.value.stale) opened.hello();
      desk.value = next;
    },
    connection(state) {
      connection.value = state;
    },
    doubt() {
      api.me().catch((error: unknown) => {
        if (error instanceof Refusal && error.status === 401) forget();
      });
    },
    resume: () => ({ streamId: desk.value.streamId, seq: desk.value.agentSeq }),
  });
  socket = opened;
  opened.open();
}

export const send = (message: ClientMessage): boolean => socket?.send(message) ?? false;
export const subscribe = (): void => socket?.subscribe("queues");
export const unsubscribe = (): void => socket?.unsubscribe("queues");

export const hasRole = (...roles: string[]): boolean =>
  me.value?.user.roles.some((role) => roles.includes(role)) ?? false;
