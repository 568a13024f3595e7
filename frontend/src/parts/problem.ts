import { api, Refusal } from "../api";
import { t, tSlug } from "../i18n";

/** The words for a refusal: ours for what we know, the server's own sentence otherwise. */
export function refusalText(error: unknown): string {
  if (!(error instanceof Refusal)) return t("problem.server_error");
  return problemText(error.key, error.message);
}

/** The words for a problem's key; `otherwise` is what the server wrote itself. */
export function problemText(key: string, otherwise: string): string {
  return tSlug("problem", key, otherwise || t("problem.server_error"));
}

/** Why the sound stopped or never came. */
export const whyNotHeard = async (url: string): Promise<string> => notHeardText(await api.audioRefusal(url));

/** The same of an answer; null: the server would give it. The object store's surprise (neither absent nor away) is one for people, too. */
export function notHeardText(refusal: Refusal | null): string {
  if (refusal === null) return t("player.cannot_play");
  const damaged = refusal.key === "changed_behind_us";
  return damaged ? t("player.damaged") : refusalText(refusal);
}

/** Why a number is not dialled, with what varies in it; "" when it is. */
export const refusedText = (key: string | null, detail: string | null): string =>
  key === null ? "" : [problemText(key, key), detail].filter(Boolean).join(" ");
