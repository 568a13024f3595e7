/** The HTTP API, typed from the server's schema. Every failure is a `Refusal` that can be shown to a person. */
import { language } from "./i18n";
import type {
  CallRecord,
  LoginRequest,
  Me,
  PasswordRequest,
  Peaks,
  Problem,
  RecordingPage,
} from "./wire";

export class Refusal extends Error {
  constructor(
    readonly status: number, // 0: the server was not reached
    readonly key: string,
    message: string,
  ) {
    super(message);
  }
}

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: {
        "Accept-Language": language.value,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Refusal(0, "unreachable", "");
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => null)) as Problem | null;
  throw new Refusal(response.status, problem?.key ?? "server_error", problem?.title ?? response.statusText);
}

async function read<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  return (await (await ask(method, path, body)).json()) as Answer;
}

export const api = {
  me: () => read<Me>("GET", "/api/me"),
  login: (body: LoginRequest) => read<Me>("POST", "/api/login", body),
  logout: () => ask("POST", "/api/logout"),
  changePassword: (body: PasswordRequest) => ask("PUT", "/api/me/password", body),
  call: (callId: string) => read<CallRecord>("GET", `/api/calls/${encodeURIComponent(callId)}`),
  recordings: (query: Record<string, string>) =>
    read<RecordingPage>("GET", `/api/recordings?${new URLSearchParams(query)}`),
  peaks: (callId: string) => read<Peaks>("GET", `/api/recordings/${encodeURIComponent(callId)}/peaks`),
  audioUrl: (callId: string) => `/api/recordings/${encodeURIComponent(callId)}/audio`,
};
