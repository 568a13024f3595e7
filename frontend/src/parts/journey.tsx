/** What happened to a call, step by step; a step leads to its place in the recording. */
import { duration, language, t, tSlug } from "../i18n";
import { isBefore } from "../lanes";
import { secondOf } from "../moments";
import type { CallRecord, DecisionBody, JourneyStep } from "../wire";
import { agentName, personName, queueName } from "./names";
import { Text } from "./text";

/** The last step that has happened by then: its place in the list, or -1. */
export function stepAt(
  call: Pick<CallRecord, "arrived_at" | "recording">,
  journey: readonly { at: string }[],
  second: number,
): number {
  return journey.findLastIndex((step) => secondOf(step, call) <= second);
}

/** A step of the journey that routing decided: which step of a plan began, what was taken back, who changed what. */
const DECIDED = "decided";
type Told = Omit<JourneyStep, "what"> & { readonly what: JourneyStep["what"] | typeof DECIDED };

/** The journey with what was decided about the call in between. Offers are in it already, with their reasons. */
export function withDecisions(journey: readonly JourneyStep[], decisions: readonly DecisionBody[]): Told[] {
  const decided = decisions
    .filter((one) => one.kind !== "offered")
    .map((one): Told => {
      const by = one.by ? ` · ${personName(one.by)}` : "";
      const words = { reason_ja: one.words_ja + by, reason_en: one.words_en + by };
      return { at: one.at, what: DECIDED, agent: one.agent, detail: null, outcome: null, ...words };
    });
  // What is there already keeps its order; a decision goes behind what happened up to its instant.
  const made: Told[] = [...journey];
  for (const one of decided) {
    const after = made.findLastIndex((step) => Date.parse(step.at) <= Date.parse(one.at));
    made.splice(after + 1, 0, one);
  }
  return made;
}

/** A call that we made did not arrive: an agent dialled, or somebody was called back. */
export const wordOf = (step: Pick<Told, "what">, call: Pick<CallRecord, "direction">): string =>
  step.what === "arrived" && call.direction !== "inbound" ? `arrived_${call.direction}` : step.what;

function detailOf(step: Told, call: CallRecord): string {
  switch (step.what) {
    case "queued":
      return step.detail ? queueName(step.detail) : "";
    case "menu":
      return "";
    case "consult_ended":
      return step.detail ? tSlug("consult", step.detail) : "";
    case "ended": {
      const by = call.ended_by ? tSlug("ended_by", call.ended_by) : "";
      return [step.detail && tSlug("end", step.detail), by].filter(Boolean).join(" · ");
    }
    case "recording_paused":
      return step.detail ? tSlug("recording_why", step.detail) : "";
    case "recording_stored":
      return step.detail ? tSlug("recording", step.detail) : "";
    case "offered":
    case DECIDED:
      return (language.value === "ja" ? step.reason_ja : step.reason_en) ?? "";
    default:
      return step.detail ?? "";
  }
}

export function Journey(props: {
  call: CallRecord;
  decisions: readonly DecisionBody[];
  length: number; // seconds that can be heard
  position: number;
  onSeek: (seconds: number) => void;
}) {
  const { call, decisions, length, position, onSeek } = props;
  const journey = withDecisions(call.journey, decisions);
  const current = length > 0 ? stepAt(call, journey, position) : -1;
  return (
    <ol class="journey" aria-label={t("player.journey")} tabIndex={0}>
      {journey.map((step, index) => {
        const second = secondOf(step, call);
        const before = length > 0 && isBefore(second);
        const begins = before && !(index > 0 && isBefore(secondOf(journey[index - 1] ?? step, call)));
        const said = <Step step={step} call={call} second={second} />;
        return (
          <li key={`${index}${step.what}`} aria-current={index === current ? "step" : undefined}>
            {begins && <small class="journey-before">{t("player.before")}</small>}
            {second <= length && !before ? (
              <button type="button" class="quiet" onClick={() => onSeek(second)}>
                {said}
              </button>
            ) : (
              <span class="journey-step">{said}</span>
            )}
          </li>
        );
      })}
    </ol>
  );
}

function Step({ step, call, second }: { step: Told; call: CallRecord; second: number }) {
  const more = [step.agent && agentName(step.agent), detailOf(step, call), step.outcome && tSlug("outcome", step.outcome)];
  return (
    <>
      <time class="num">{isBefore(second) ? `−${duration(-second)}` : duration(second)}</time>
      <span>
        {tSlug("journey", wordOf(step, call))}{" "}
        <small>
          <Text text={more.filter(Boolean).join(" · ")} limit={400} />
        </small>
      </span>
    </>
  );
}
