/** Names of queues, agents and people, for pages whose own data has only their ids and log-in names. */
import { signal } from "@preact/signals";
import { api } from "../api";
import { named } from "../i18n";
import type { NameList } from "../wire";

const known = signal<NameList>({ queues: [], agents: [], people: [] });

/** Asks once a page; without an answer ids stand for themselves. */
export function readNames(): void {
  api.names().then(
    (found) => {
      known.value = found;
    },
    () => undefined,
  );
}

export const names = (): NameList => known.value;

export function queueName(id: string): string {
  const found = known.value.queues.find((queue) => queue.id === id);
  return found ? named(found) : id;
}

export function agentName(id: string): string {
  return known.value.agents.find((agent) => agent.id === id)?.name ?? id;
}

/** Of somebody who logs in, or did. A command of the machine's own account has no name but that. */
export function personName(login: string): string {
  return known.value.people.find((person) => person.login === login)?.name || login;
}
