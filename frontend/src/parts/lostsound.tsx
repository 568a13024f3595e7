/** What was said and is not in a recording, of whom, about where and how much. */
import { duration, t } from "../i18n";
import type { LostSoundBody } from "../wire";
import { agentName } from "./names";

interface LostSoundProps {
  lost: readonly LostSoundBody[];
  onSeek: (seconds: number) => void;
}

export function LostSound({ lost, onSeek }: LostSoundProps) {
  if (lost.length === 0) return null;
  return (
    <section class="warning lost-sound" aria-label={t("lost.title")}>
      <h3>{t("lost.title")}</h3>
      <ul>
        {lost.map((one) => (
          <li key={`${one.side} ${one.agent} ${one.at_s}`}>
            <button type="button" class="quiet" onClick={() => onSeek(one.at_s)}>
              {inWords(one)}
            </button>
          </li>
        ))}
      </ul>
      <p class="note">{t("lost.why")}</p>
    </section>
  );
}

function inWords({ side, agent, at_s, seconds }: LostSoundBody): string {
  const where = { at: duration(at_s), seconds: Math.max(1, Math.round(seconds)) };
  if (side === "caller") return t("lost.caller", where);
  return agent === null ? t("lost.an_agent", where) : t("lost.agent", { ...where, agent: agentName(agent) });
}
