/** Which calls are to be scored: what one has been given, and a draw of new ones. */
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { scores } from "../evaluationapi";
import "../evaluation.css";
import { dateAndTime, duration, named, t, timeZone, tSlug } from "../i18n";
import { Act, Trouble, useSending } from "../parts/asked";
import { agentName, personName, readNames } from "../parts/names";
import { hasRole, me } from "../session";
import { startOfDay } from "../times";
import type { FormLine, SampleBody, SampleItemBody, SampleList, SampleRequest } from "../wire";
import { EvaluationNav } from "./evaluations";

const KINDS = ["random", "reason", "long_silence", "long_hold", "repeat_caller"] as const;
type Rule = SampleRequest["rules"][number];
const rule = (kind: (typeof KINDS)[number]): Rule => ({ kind, per_agent: 2, seconds: kind === "random" ? 0 : 30, reasons: [], days: 7 });

export function EvaluationSamplesPage() {
  const [told, setTold] = useState<SampleList | null>(null);
  const [mine, setMine] = useState<readonly SampleItemBody[]>([]);
  const [problem, setProblem] = useState<unknown>(null);
  const look = () => {
    scores.samples().then(setTold, setProblem);
    if (hasRole("qa")) scores.mySamples().then((answer) => setMine(answer.items), setProblem);
  };
  useEffect(() => {
    readNames();
    look();
  }, []);
  return (
    <div class="page">
      <h1>{t("score.samples")}</h1>
      <EvaluationNav />
      <Trouble of={problem} />
      {hasRole("qa") && (
        <section class="panel" aria-labelledby="given">
          <h2 id="given">{t("sample.mine")}</h2>
          {mine.length === 0 ? <p class="empty">{t("sample.mine_none")}</p> : <Items items={mine} />}
        </section>
      )}
      {told && <Draw told={told} onDone={look} />}
      {told && <Runs runs={told.samples} />}
    </div>
  );
}

function Items({ items }: { items: readonly SampleItemBody[] }) {
  return (
    <ol class="versions">
      {items.map((one) => (
        <li key={`${one.sample} ${one.place}`}>
          {hasRole("qa") ? <Link href={`/qa/${one.call_id}`}>{about(one)}</Link> : about(one)} <small>{figure(one)}</small>{" "}
          <bdi>{(one.assignee && personName(one.assignee)) || t("sample.nobody")}</bdi>{" "}
          <span class="tag">{t(one.done ? "sample.done" : "sample.todo")}</span>
        </li>
      ))}
    </ol>
  );
}

const about = (one: SampleItemBody) => (
  <>
    <bdi>{agentName(one.agent)}</bdi> · {tSlug("sample_because", one.because)}
  </>
);

/** What made the rule take it: so long a silence or hold, a reason code. Which call a caller repeated is an id, and says nothing. */
const figure = ({ detail }: SampleItemBody): string => {
  const seconds = detail.silence_s ?? detail.hold_s;
  return seconds !== undefined ? duration(Number(seconds)) : String(detail.reason ?? "");
};

function Draw({ told, onDone }: { told: SampleList; onDone: () => void }) {
  const [forms, setForms] = useState<readonly FormLine[] | null>(null);
  const [form, setForm] = useState("");
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const [rules, setRules] = useState<readonly Rule[]>([rule("random")]);
  const own = me.value?.user.login;
  const [people, setPeople] = useState<readonly string[]>(told.people.map((one) => one.login).filter((one) => one === own));
  const { busy, problem, send } = useSending();
  useEffect(() => {
    scores.forms().then(
      (answer) => {
        const active = answer.forms.filter((one) => one.active);
        setForms(active);
        setForm(active[0]?.id ?? "");
      },
      () => undefined, // the button stays off
    );
  }, []);
  const [from, to] = [startOfDay(since, timeZone.value), startOfDay(until, timeZone.value, 1)];
  const ready = form !== "" && from && to && people.length > 0;
  const draw = () =>
    void send(async () => {
      await scores.draw({ form, since: from ?? "", until: to ?? "", rules: [...rules], agents: [], people: [...people], seed: "" } as unknown as SampleRequest);
      onDone();
    });
  const change = (at: number, more: Partial<Rule>) => setRules(rules.map((one, n) => (n === at ? { ...one, ...more } : one)));
  return (
    <section class="panel form-draw" aria-labelledby="draw">
      <h2 id="draw">{t("sample.draw")}</h2>
      <p class="note">{t("sample.how")}</p>
      {forms?.length === 0 && <p class="empty">{t("score.no_forms")}</p>}
      <div class="begin-score">
        <label>
          {t("score.form")}
          <select value={form} onChange={(event) => setForm(event.currentTarget.value)}>
            {(forms ?? []).map((one) => (
              <option key={one.id} value={one.id}>
                {named(one)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("qa.since")}
          <input type="date" value={since} onInput={(event) => setSince(event.currentTarget.value)} />
        </label>
        <label>
          {t("qa.until")}
          <input type="date" value={until} onInput={(event) => setUntil(event.currentTarget.value)} />
        </label>
      </div>
      {rules.map((one, at) => (
        <div class="begin-score" key={at}>
          <label>
            {t("sample.kind")}
            <select value={one.kind} onChange={(event) => change(at, rule(event.currentTarget.value as Rule["kind"]))}>
              {KINDS.map((kind) => (
                <option key={kind} value={kind}>
                  {tSlug("sample_because", kind)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {t("sample.per_agent")}
            <input type="number" min={1} max={50} value={one.per_agent} onInput={(event) => change(at, { per_agent: Number(event.currentTarget.value) })} />
          </label>
          {(one.kind === "long_silence" || one.kind === "long_hold") && (
            <label>
              {t("sample.seconds")}
              <input type="number" min={1} value={one.seconds} onInput={(event) => change(at, { seconds: Number(event.currentTarget.value) })} />
            </label>
          )}
          {one.kind === "repeat_caller" && (
            <label>
              {t("sample.days")}
              <input type="number" min={1} max={90} value={one.days} onInput={(event) => change(at, { days: Number(event.currentTarget.value) })} />
            </label>
          )}
          {one.kind === "reason" && (
            <label>
              {t("sample.reasons")}
              <input value={(one.reasons ?? []).join(", ")} onChange={(event) => change(at, { reasons: event.currentTarget.value.split(/[,、，\s]+/).filter(Boolean) })} />
            </label>
          )}
          {rules.length > 1 && (
            <Act
              class="small"
              label={t("form.remove", { what: tSlug("sample_because", one.kind) })}
              onAct={() => setRules(rules.filter((_, n) => n !== at))}
            >
              ×
            </Act>
          )}
        </div>
      ))}
      <Act onAct={() => rules.length < 10 && setRules([...rules, rule("long_hold")])}>{t("sample.add_rule")}</Act>
      <fieldset class="begin-score">
        <legend>{t("sample.people")}</legend>
        {told.people.map((one) => (
          <label key={one.login}>
            <input
              type="checkbox"
              checked={people.includes(one.login)}
              onChange={(event) =>
                setPeople(event.currentTarget.checked ? [...people, one.login] : people.filter((two) => two !== one.login))
              }
            />{" "}
            <bdi>{one.name}</bdi>
          </label>
        ))}
      </fieldset>
      <Act class="primary" busy={busy || !ready} onAct={draw}>
        {t("sample.do")}
      </Act>
      <Trouble of={problem} />
    </section>
  );
}

function Runs({ runs }: { runs: readonly SampleBody[] }) {
  return (
    <section aria-labelledby="runs">
      <h2 id="runs">{t("sample.runs")}</h2>
      {runs.length === 0 && <p class="empty">{t("sample.none")}</p>}
      {runs.map((one) => (
        <details key={one.id} class="panel">
          <summary>
            {dateAndTime(one.made_at)} · <bdi>{personName(one.made_by)}</bdi> · {t("sample.of", { n: one.candidates, k: one.items.length })} ·{" "}
            <small>{t("sample.seed", { seed: one.seed })}</small>
          </summary>
          {Object.keys(one.short).length > 0 && (
            <p class="note">
              {t("sample.short", {
                names: Object.entries(one.short)
                  .map(([agent, n]) => `${agentName(agent)} ${n}`)
                  .join(t("list.comma")),
              })}
            </p>
          )}
          <Items items={one.items} />
        </details>
      ))}
    </section>
  );
}
