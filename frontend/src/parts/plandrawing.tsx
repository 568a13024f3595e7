/** A queue's plan as a line that callers go along: what each step asks for, from when to when, who fits now. */
import { duration, language, t } from "../i18n";
import type { PlanStepBody } from "../wire";

export interface Fit {
  readonly free: number; // could take a call now
  readonly there: number; // not offline
  readonly atLeast: boolean; // others may fit, depending on the call
}

export interface Drawn {
  readonly step: PlanStepBody;
  readonly fit: Fit | null; // null: depends on the call
  readonly warning: string;
}

const span = (from: number, to: number | null): string =>
  to === null ? t("plan.from", { from: duration(from) }) : t("plan.span", { from: duration(from), to: duration(to) });

/** `rest`: who fits the queue's own skills, asked for after the last step that ends. */
export function PlanDrawing({ steps, rest, stale }: { steps: Drawn[]; rest: Fit | null; stale: boolean }) {
  const last = steps[steps.length - 1];
  const goesOn = last === undefined || last.step.expires_s !== null;
  let from = 0;
  return (
    <ol class={stale ? "drawing drawing-stale" : "drawing"} aria-label={t("plan.drawing")}>
      {steps.map(({ step, fit, warning }, index) => {
        const begins = from;
        from = step.expires_s ?? from;
        return (
          <li key={index}>
            <span class="drawn-when num">{span(begins, step.expires_s)}</span>
            <span class="drawn-what">{language.value === "ja" ? step.want_ja : step.want_en}</span>
            <Fits fit={fit} />
            {warning && <small class="drawn-warning">{warning}</small>}
          </li>
        );
      })}
      {goesOn && (
        <li class="drawn-rest">
          <span class="drawn-when num">{span(from, null)}</span>
          <span class="drawn-what">{t("plan.rest")}</span>
          <Fits fit={rest} />
        </li>
      )}
    </ol>
  );
}

function Fits({ fit }: { fit: Fit | null }) {
  if (fit === null) return <small>{t("plan.fits_depends")}</small>;
  if (fit.there === 0 && !fit.atLeast) return <small class="nobody-fits">{t("plan.fits_nobody")}</small>;
  const text = t(fit.atLeast ? "plan.fits_at_least" : "plan.fits", { free: fit.free, there: fit.there });
  return <small>{text}</small>;
}
