/** How the talks of a call sounded, in its record: at agents' phones, and on the caller's side. */
import { t, tSlug } from "../i18n";
import type { QualityBody } from "../wire";
import { agentName } from "./names";

/** A share of packets: people ask whether it is nothing, a little or much. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;
}

const whole = (ms: number): string => `${Math.round(ms)} ms`;

export function LineQuality({ measured }: { measured: readonly QualityBody[] }) {
  if (measured.length === 0) return null;
  return (
    <section class="line-quality" aria-label={t("quality.title")}>
      <h3>{t("quality.title")}</h3>
      <ul>
        {measured.map((one) => (
          <li key={`${one.agent} ${one.talk_at}`}>
            <span class={`tag grade-${one.grade ?? "none"}`}>{tSlug("phone.grade", one.grade ?? "none")}</span>{" "}
            <bdi>{one.agent === null ? t("quality.caller") : agentName(one.agent)}</bdi> <small class="num">{figures(one)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function figures(one: QualityBody): string {
  const whose = one.agent === null ? "caller" : "agent";
  const said = [
    one.loss_in !== null && t(`quality.${whose}.loss_in`, { share: percent(one.loss_in) }),
    one.loss_out !== null && t(`quality.${whose}.loss_out`, { share: percent(one.loss_out) }),
    range("jitter", one.jitter_in_ms ?? one.jitter_out_ms, one.jitter_in_max_ms),
    range("round_trip", one.round_trip_ms, one.round_trip_max_ms),
    one.measured_by === "asterisk" && one.loss_in === null && t("quality.one_way"),
  ];
  return said.filter(Boolean).join(" · ");
}

function range(what: "jitter" | "round_trip", mean: number | null, most: number | null): string {
  if (mean === null) return "";
  return most === null ? t(`quality.${what}_last`, { mean: whole(mean) }) : t(`quality.${what}`, { mean: whole(mean), most: whole(most) });
}
