/** What verifies the caller, step by step, as the desk asks for it in this queue; the answers are the look-up's. */
import { api } from "../api";
import { named, t, timeOfDay, tSlug } from "../i18n";
import type { MemberBody, Pop, StepBody } from "../wire";
import { useAsking } from "./asking";
import { textOf } from "./part";
import { Text } from "./text";

const RESULTS = ["passed", "failed", "skipped"] as const;

interface Question {
  readonly code: string;
  readonly prompt: string;
  readonly answer: string;
}

function questionsOf(member: MemberBody): Question[] {
  const found = Array.isArray(member.verification) ? (member.verification as unknown[]) : [];
  return found.flatMap((one) => {
    const record = (typeof one === "object" && one !== null ? one : {}) as Record<string, unknown>;
    const prompt = textOf(record, "prompt");
    return prompt ? [{ code: textOf(record, "code"), prompt, answer: textOf(record, "answer") }] : [];
  });
}

/** The state in one word, beside the name. */
export function VerifiedTag({ pop }: { pop: Pop }) {
  const verification = pop.card.verification.verification;
  if (!verification) return null;
  const { state, by, at } = verification;
  return (
    <span class={`tag verify-${state}`}>
      {tSlug("verify", state)}
      {by && at && <Text text={` ${by} ${timeOfDay(at)}`} limit={40} />}
    </span>
  );
}

export function Verification({ pop, member }: { pop: Pop; member: MemberBody }) {
  const verification = pop.card.verification.verification;
  const asking = useAsking();
  const questions = questionsOf(member);
  const steps = verification && verification.member_id === member.member_id ? verification.steps : [];
  const codes = new Set(steps.map((step) => step.step));
  const rest = questions.filter((one) => !codes.has(one.code));
  const may = (pop.phase === "talking" || pop.phase === "held") && !asking.busy;
  const mark = (step: StepBody, result: (typeof RESULTS)[number]) =>
    asking.ask(() => api.markStep(pop.call_id, { step: step.step, result: step.result === result ? "open" : result }));
  return (
    <>
      {verification && steps.length > 0 && (
        <section class="verify" aria-label={t("verify.title")}>
          <p class="spread">
            <span class="note">{t("verify.needed", { n: verification.needed, of: steps.length })}</span>
            <VerifiedTag pop={pop} />
          </p>
          <p role="alert" class="problem">
            {asking.problem}
          </p>
          <ul class="verify-steps">
            {steps.map((step) => (
              <Step
                key={step.step}
                step={step}
                answer={questions.find((one) => one.code === step.step)?.answer ?? ""}
                may={may}
                mark={(result) => mark(step, result)}
              />
            ))}
          </ul>
        </section>
      )}
      {rest.length > 0 && (
        <dl class="questions" aria-label={t("pop.verification")}>
          {rest.map(({ prompt, answer }) => (
            <div key={prompt}>
              <dt>
                <Text text={prompt} />
              </dt>
              <dd>
                <Text text={answer} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

interface StepProps {
  readonly step: StepBody;
  readonly answer: string;
  readonly may: boolean;
  readonly mark: (result: (typeof RESULTS)[number]) => void;
}

function Step({ step, answer, may, mark }: StepProps) {
  return (
    <li class={`verify-step step-${step.result ?? "open"}`}>
      <span class="verify-what">
        <span class="note"><Text text={named(step)} /></span> {answer && <strong><Text text={answer} /></strong>}
      </span>
      <span class="choices" role="group" aria-label={named(step)}>
        {RESULTS.map((result) => (
          <button
            key={result}
            type="button"
            class="small"
            aria-pressed={step.result === result}
            aria-disabled={!may}
            onClick={() => may && mark(result)}
          >
            {tSlug("step_result", result)}
          </button>
        ))}
      </span>
    </li>
  );
}
