/** Names of queues and agents, for pages whose own data has only their ids. */
import { signal } from "@preact/signals";
import { api } from "../api";
import { named } from "../i18n";
import type { Named } from "../wire";

export interface Names {
  readonly queues: readonly Named[];
  readonly agents: readonly { readonly id: string; readonly name: string }[];
}

const known = signal<Names>({ queues: [], agents: [] });

/** Asks once a page; without an answer ids stand for themselves. */
export function readNames(): void {
  api.board().then(
    (board) => {
      known.value = {
        queues: board.queues.map((live) => live.queue),
        agents: board.agents.map((agent) => ({ id: agent.agent, name: agent.name })),
      };
    },
    () => undefined,
  );
}

export const names = (): Names => known.value;

export function queueName(id: string): string {
  const found = known.value.queues.find((queue) => queue.id === id);
  return found ? named(found) : id;
}

export function agentName(id: string): string {
  return known.value.agents.find((agent) => agent.id === id)?.name ?? id;
}
