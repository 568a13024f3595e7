/** The steps of a plan as a form: add, remove, move, what each asks for, until when. */
import { useRef } from "preact/hooks";
import { named, t, tSlug } from "../i18n";
import { added, type Condition, KINDS, type Kind, MOST_STEPS, moved, type StepDraft, stepNamed, type Trouble } from "../plan";
import type { Named } from "../wire";

export interface Choices {
  readonly skills: readonly Named[];
  readonly agents: readonly { readonly id: string; readonly name: string }[];
}

export function PlanForm(props: {
  steps: readonly StepDraft[];
  troubles: readonly (Trouble | null)[];
  refused: readonly string[]; // the server's sentences
  choices: Choices;
  onChange: (steps: StepDraft[]) => void;
}) {
  const { steps, troubles, refused, choices, onChange } = props;
  const said = (index: number) =>
    refused.filter((one) => stepNamed(one) === index + 1).map((one) => one.replace(/^plan\S*: /, ""));
  const list = useRef<HTMLOListElement>(null);
  const put = (index: number, step: StepDraft) => onChange(steps.map((one, place) => (place === index ? step : one)));
  /** The focus stays where somebody at the keyboard works: on the step that took the place of the one that went. */
  const focus = (index: number, what: string) =>
    requestAnimationFrame(() => {
      const items = list.current?.children;
      const item = items?.[Math.min(index, items.length - 1)];
      (item?.querySelector<HTMLElement>(what) ?? document.getElementById("add-step"))?.focus();
    });
  const move = (index: number, by: 1 | -1) => {
    onChange(moved(steps, index, by));
    // At the end of the row the button for that way is off: the other one has the focus then.
    const edge = index + by === 0 || index + by === steps.length - 1;
    focus(index + by, `.step-${(by === 1) !== edge ? "down" : "up"}`);
  };
  return (
    <>
      {steps.length === 0 && <p class="note">{t("plan.no_steps")}</p>}
      <ol class="steps" ref={list}>
        {steps.map((step, index) => (
          <li key={step.id}>
            <fieldset class={troubles[index] || said(index).length > 0 ? "step step-wrong" : "step"}>
              <legend>{t("plan.step", { n: index + 1 })}</legend>
              <Ways step={step} number={index + 1} choices={choices} onChange={(ways) => put(index, { ...step, ways })} />
              <div class="act-line">
                <label class="expires">
                  <span>{t("plan.expires")}</span>
                  <input
                    type="number"
                    inputMode="numeric"
                    min={1}
                    max={86_400}
                    placeholder={index === steps.length - 1 ? t("plan.never") : ""}
                    value={step.expires}
                    aria-invalid={troubles[index] ? "true" : undefined}
                    aria-describedby={`trouble-${step.id}`}
                    onInput={(event) => put(index, { ...step, expires: event.currentTarget.value })}
                  />
                </label>
                <div class="step-buttons">
                  <button
                    type="button"
                    class="small step-up"
                    disabled={index === 0}
                    aria-label={t("plan.up", { n: index + 1 })}
                    onClick={() => move(index, -1)}
                  >
                    ↑
                  </button>
                  <button
                    type="button"
                    class="small step-down"
                    disabled={index === steps.length - 1}
                    aria-label={t("plan.down", { n: index + 1 })}
                    onClick={() => move(index, 1)}
                  >
                    ↓
                  </button>
                  <button
                    type="button"
                    class="small step-remove"
                    aria-label={t("plan.remove_step", { n: index + 1 })}
                    onClick={() => {
                      onChange(steps.filter((_, place) => place !== index));
                      focus(index, ".step-remove");
                    }}
                  >
                    {t("plan.remove")}
                  </button>
                </div>
              </div>
              <p class="problem one-line-kept" id={`trouble-${step.id}`}>
                {troubles[index] ? t(`plan.trouble.${troubles[index]}`) : said(index).length > 0 && t("plan.trouble.refused")}{" "}
                {!troubles[index] && <span lang="en">{said(index).join(" ")}</span>}
              </p>
            </fieldset>
          </li>
        ))}
      </ol>
      <button
        type="button"
        id="add-step"
        disabled={steps.length >= MOST_STEPS}
        onClick={() => {
          onChange(added(steps));
          focus(steps.length, "select");
        }}
      >
        {t("plan.add_step")}
      </button>
    </>
  );
}

type Way = readonly Condition[];
const without = <One,>(list: readonly One[], index: number): One[] => list.filter((_, place) => place !== index);
const replaced = <One,>(list: readonly One[], index: number, one: One): One[] =>
  list.map((old, place) => (place === index ? one : old));

function Ways(props: { step: StepDraft; number: number; choices: Choices; onChange: (ways: readonly Way[]) => void }) {
  const { step, number, choices, onChange } = props;
  const { ways } = step;
  if (ways === null)
    return (
      <div>
        <p class="note">{t("plan.as_written")}</p>
        <code class="written">{JSON.stringify(step.written)}</code>
      </div>
    );
  const fresh: Condition = { kind: "own", not: false };
  return (
    <div class="ways">
      {ways.map((way, place) => (
        <div key={place} class="way" role="group" aria-label={t("plan.way", { n: number, way: place + 1 })}>
          {place > 0 && <p class="way-or">{t("plan.or")}</p>}
          {way.map((condition, index) => (
            <div key={index} class="condition">
              {index > 0 && <span class="note condition-and">{t("plan.and")}</span>}
              <ConditionFields
                condition={condition}
                choices={choices}
                onChange={(one) => onChange(replaced(ways, place, replaced(way, index, one)))}
              />
              {(way.length > 1 || ways.length > 1) && (
                <button
                  type="button"
                  class="link"
                  onClick={() =>
                    onChange(way.length > 1 ? replaced(ways, place, without(way, index)) : without(ways, place))
                  }
                >
                  {t("plan.remove")}
                </button>
              )}
            </div>
          ))}
          <div class="more-conditions">
            <button type="button" class="link" onClick={() => onChange(replaced(ways, place, [...way, fresh]))}>
              {t("plan.add_and")}
            </button>
            {place === ways.length - 1 && (
              <button type="button" class="link" onClick={() => onChange([...ways, [fresh]])}>
                {t("plan.add_or")}
              </button>
            )}
          </div>
        </div>
      ))}
    </div>
  );
}

function fresh(kind: Kind, choices: Choices): Condition {
  switch (kind) {
    case "skill":
      return { kind, skill: choices.skills[0]?.id ?? "", level: 1, not: false };
    case "agents":
      return { kind, agents: [], not: false };
    case "profile":
      return { kind, profile: "", not: false };
    case "language":
      return { kind, level: 3, not: false };
    case "own":
    case "last_agent":
      return { kind, not: false };
  }
}

function ConditionFields(props: { condition: Condition; choices: Choices; onChange: (one: Condition) => void }) {
  const { condition, choices, onChange } = props;
  return (
    <>
      <select
        aria-label={t("plan.kind")}
        value={condition.kind}
        onChange={(event) => onChange(fresh(event.currentTarget.value as Kind, choices))}
      >
        {KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {t(`plan.kind.${kind}`)}
          </option>
        ))}
      </select>
      <Operands condition={condition} choices={choices} onChange={onChange} />
      <label class="check small-check">
        <input
          type="checkbox"
          checked={condition.not}
          onChange={(event) => onChange({ ...condition, not: event.currentTarget.checked })}
        />
        {t("plan.not")}
      </label>
    </>
  );
}

function Operands(props: { condition: Condition; choices: Choices; onChange: (one: Condition) => void }) {
  const { condition, choices, onChange } = props;
  switch (condition.kind) {
    case "skill": {
      const gone = condition.skill !== "" && !choices.skills.some((skill) => skill.id === condition.skill);
      return (
        <>
          <select
            aria-label={t("plan.skill")}
            value={condition.skill}
            onChange={(event) => onChange({ ...condition, skill: event.currentTarget.value })}
          >
            {condition.skill === "" && <option value="">{t("call.choose")}</option>}
            {gone && <option value={condition.skill}>{condition.skill}</option>}
            {choices.skills.map((skill) => (
              <option key={skill.id} value={skill.id}>
                {named(skill)}
              </option>
            ))}
          </select>
          <Level level={condition.level} onChange={(level) => onChange({ ...condition, level })} />
        </>
      );
    }
    case "language":
      return <Level level={condition.level} onChange={(level) => onChange({ ...condition, level })} />;
    case "profile":
      return (
        <input
          class="short"
          aria-label={t("plan.kind.profile")}
          value={condition.profile}
          maxLength={64}
          autocomplete="off"
          onInput={(event) => onChange({ ...condition, profile: event.currentTarget.value })}
        />
      );
    case "agents":
      return <Agents condition={condition} choices={choices} onChange={onChange} />;
    case "own":
    case "last_agent":
      return null;
  }
}

function Level({ level, onChange }: { level: number; onChange: (level: number) => void }) {
  return (
    <select
      aria-label={t("plan.level")}
      value={level}
      onChange={(event) => onChange(Number(event.currentTarget.value))}
    >
      {[1, 2, 3, 4, 5].map((one) => (
        <option key={one} value={one}>
          {t("plan.at_least", { n: one })}
        </option>
      ))}
    </select>
  );
}

type Chosen = Extract<Condition, { kind: "agents" }>;

function Agents(props: { condition: Chosen; choices: Choices; onChange: (one: Condition) => void }) {
  const { condition, choices, onChange } = props;
  const name = (id: string) => choices.agents.find((agent) => agent.id === id)?.name ?? id;
  const left = choices.agents.filter((agent) => !condition.agents.includes(agent.id));
  return (
    <>
      <ul class="chips">
        {condition.agents.map((id, index) => (
          <li key={id}>
            <bdi>{name(id)}</bdi>{" "}
            <button
              type="button"
              class="link"
              aria-label={t("plan.remove_agent", { name: name(id) })}
              onClick={() => onChange({ ...condition, agents: without(condition.agents, index) })}
            >
              ✕
            </button>
          </li>
        ))}
      </ul>
      <select
        aria-label={t("plan.add_agent")}
        value=""
        onChange={(event) => {
          const { value } = event.currentTarget;
          if (value) onChange({ ...condition, agents: [...condition.agents, value] });
          event.currentTarget.value = "";
        }}
      >
        <option value="">{t("plan.add_agent")}</option>
        {left.map((agent) => (
          <option key={agent.id} value={agent.id}>
            {agent.name}
          </option>
        ))}
      </select>
    </>
  );
}

/** A sentence of the server's about a plan, in the page's language where it is one of the two that warn. */
export function warningText(sentence: string): string {
  if (sentence.includes("no agent of this desk fits")) return t("plan.warn.step");
  if (sentence.includes("has the queue's own skills")) return t("plan.warn.own");
  return tSlug("plan.warn", sentence);
}
