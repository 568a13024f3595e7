import { t, tSlug } from "../i18n";
import type { Caller } from "../wire";

/** A caller's number as people read it, or why there is none. */
export function callerText(caller: Caller): string {
  return caller.national ?? caller.e164 ?? (caller.kind === "number" ? t("caller.unknown") : tSlug("caller", caller.kind));
}
