/** Scores of calls: the list, one to read or decide, where people differ; and an agent's own. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation, useParams } from "wouter-preact";
import { questionsOf, scoreText } from "../evaluation";
import { scores } from "../evaluationapi";
import "../evaluation.css";
import { dateAndTime, named, t, timeZone, tSlug } from "../i18n";
import { Trouble } from "../parts/asked";
import { stateText } from "../parts/evaluation";
import { Compared, Dispute, Review, ScoreRead } from "../parts/evaluationread";
import { agentName, names, readNames } from "../parts/names";
import { whyNotHeard } from "../parts/problem";
import { hasRole, me } from "../session";
import { startOfDay } from "../times";
import type { CallEvaluations, EvaluationBody, EvaluationLine, EvaluationPage, FormLine } from "../wire";

const STATES = ["draft", "submitted", "disputed", "reviewed"] as const;

export function EvaluationNav() {
  const [path] = useLocation();
  const places = [
    { href: "/evaluations", key: "nav.evaluations", roles: ["qa", "supervisor"] },
    { href: "/evaluation-samples", key: "score.samples", roles: ["qa", "supervisor"] },
    { href: "/evaluation-forms", key: "score.forms", roles: ["qa", "supervisor", "admin"] },
  ] as const;
  return (
    <ul class="subnav">
      {places
        .filter((one) => hasRole(...one.roles))
        .map((one) => (
          <li key={one.href}>
            <Link href={one.href} aria-current={path === one.href ? "page" : undefined}>
              {t(one.key)}
            </Link>
          </li>
        ))}
    </ul>
  );
}

export function EvaluationsPage() {
  const [words, setWords] = useState<Record<string, string>>({});
  useEffect(readNames, []);
  return (
    <div class="page">
      <h1>{t("nav.evaluations")}</h1>
      <EvaluationNav />
      <Filters onChange={setWords} />
      <p class="choices">
        <a href={scores.exportUrl(words)} download>
          {t("score.export_csv")}
        </a>
        <a href={scores.exportUrl({ ...words, format: "json" })} download>
          {t("score.export_json")}
        </a>
      </p>
      <Lines words={words} read={scores.list} base="/evaluations" own={false} />
    </div>
  );
}

export function MyEvaluationsPage() {
  useEffect(readNames, []);
  return (
    <div class="page">
      <h1>{t("nav.my_evaluations")}</h1>
      <p class="note">{t("score.mine_how")}</p>
      <Lines words={NO_WORDS} read={scores.mine} base="/my-evaluations" own />
    </div>
  );
}
const NO_WORDS: Record<string, string> = {};

function Filters({ onChange }: { onChange: (words: Record<string, string>) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const [forms, setForms] = useState<readonly FormLine[]>([]);
  useEffect(() => {
    scores.forms().then(
      (told) => setForms(told.forms),
      () => undefined, // the list is there without its filter
    );
  }, []);
  const apply = () => {
    if (!form.current) return;
    const data = new FormData(form.current);
    const words: Record<string, string> = {};
    for (const name of ["agent", "form", "state", "least", "most"]) {
      const text = String(data.get(name) ?? "").trim();
      if (text) words[name] = text;
    }
    const since = startOfDay(String(data.get("since") ?? ""), timeZone.value);
    const until = startOfDay(String(data.get("until") ?? ""), timeZone.value, 1);
    onChange({ ...words, ...(since ? { since } : {}), ...(until ? { until } : {}) });
  };
  const options = (name: string, text: string, all: readonly (readonly [string, string])[]) => (
    <label>
      {text}
      <select name={name} onChange={apply}>
        <option value="">{t("qa.any")}</option>
        {all.map(([value, shown]) => (
          <option key={value} value={value}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <form
      class="filters"
      ref={form}
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
      onReset={() => setTimeout(apply)}
    >
      {options("agent", t("score.agent"), names().agents.map((one) => [one.id, one.name] as const))}
      {options("form", t("score.form"), forms.map((one) => [one.id, named(one)] as const))}
      {options("state", t("score.state"), STATES.map((one) => [one, tSlug("score_state", one)] as const))}
      <label>
        {t("score.least")}
        <input type="number" name="least" min={0} max={100} step={0.1} onChange={apply} />
      </label>
      <label>
        {t("score.most")}
        <input type="number" name="most" min={0} max={100} step={0.1} onChange={apply} />
      </label>
      <label>
        {t("qa.since")}
        <input type="date" name="since" onChange={apply} />
      </label>
      <label>
        {t("qa.until")}
        <input type="date" name="until" onChange={apply} />
      </label>
      <div class="filter-buttons">
        <button type="reset" class="quiet">
          {t("qa.clear")}
        </button>
      </div>
    </form>
  );
}

interface LinesProps {
  words: Record<string, string>;
  read: (words: Record<string, string>) => Promise<EvaluationPage>;
  base: string;
  own: boolean;
}

function Lines({ words, read, base, own }: LinesProps) {
  const [lines, setLines] = useState<readonly EvaluationLine[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const asked = useRef(0);
  async function load(after: string | null): Promise<void> {
    asked.current += 1;
    const mine = asked.current;
    try {
      const page = await read(after ? { ...words, after } : words);
      if (mine !== asked.current) return; // the filters changed meanwhile
      setLines((before) => (after ? [...(before ?? []), ...page.evaluations] : page.evaluations));
      setNext(page.next);
      setProblem(null);
    } catch (error) {
      if (mine === asked.current) setProblem(error);
    }
  }
  useEffect(() => void load(null), [words]);
  return (
    <>
      <Trouble of={problem} />
      {lines === null && problem === null && <p aria-busy="true">{t("loading")}</p>}
      {lines?.length === 0 && <p class="empty">{t(own ? "score.none_mine" : "score.none")}</p>}
      {!own && lines?.some((one) => one.mine && one.state === "draft") && <p class="note">{t("score.list_hidden")}</p>}
      {lines && lines.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("nav.evaluations")}>
          <table class="recordings">
            <thead>
              <tr>
                <th scope="col">{t("qa.when")}</th>
                {!own && <th scope="col">{t("score.agent")}</th>}
                <th scope="col">{t("score.form")}</th>
                <th scope="col" class="wide-only">
                  {t("score.by")}
                </th>
                <th scope="col" class="num">
                  {t("score.score")}
                </th>
                <th scope="col">{t("score.state")}</th>
              </tr>
            </thead>
            <tbody>
              {lines.map((one) => (
                <tr key={one.id}>
                  <td>
                    <Link href={one.state === "draft" ? `/qa/${one.call_id}` : `${base}/${one.id}`}>{dateAndTime(one.began_at)}</Link>
                  </td>
                  {!own && (
                    <td>
                      <bdi class="ellipsis">{agentName(one.agent)}</bdi>
                    </td>
                  )}
                  <td title={named({ name_ja: one.form_name_ja, name_en: one.form_name_en })}>
                    <bdi class="ellipsis">{named({ name_ja: one.form_name_ja, name_en: one.form_name_en })}</bdi>
                  </td>
                  <td class="wide-only">
                    <bdi class="ellipsis">{one.evaluator_name}</bdi>
                  </td>
                  <td class="num">
                    {scoreText(one.score)} {one.failed && <span class="tag fails-whole">{t("score.failed")}</span>}
                  </td>
                  <td class="wrap">
                    <span class="tag">{stateText(one)}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next && (
        <button type="button" onClick={() => void load(next)}>
          {t("qa.more")}
        </button>
      )}
    </>
  );
}

/** One score by its address; `own`: as the agent whose work it is about. */
function useOne<Answer>(key: string, read: () => Promise<Answer>) {
  const [told, setTold] = useState<Answer | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  useEffect(() => {
    let current = true;
    setTold(null);
    setProblem(null);
    read().then(
      (answer) => current && setTold(answer),
      (error: unknown) => current && setProblem(error),
    );
    return () => void (current = false);
  }, [key]);
  return { told, setTold, problem };
}

export function OneScore({ own = false }: { own?: boolean }) {
  const { id = "" } = useParams<{ id: string }>();
  useEffect(readNames, []);
  const { told, setTold, problem } = useOne<EvaluationBody>(id, () => (own ? scores.myOne(id) : scores.get(id)));
  const done = (now: EvaluationBody) => {
    setTold(now);
    document.getElementById("main")?.focus();
  };
  const mayReview = told?.state === "disputed" && !own && hasRole("supervisor") && told.evaluator !== me.value?.user.login;
  return (
    <div class="page">
      <p>
        <Link href={own ? "/my-evaluations" : "/evaluations"}>← {t(own ? "nav.my_evaluations" : "nav.evaluations")}</Link>
      </p>
      <h1>{told ? t("score.title", { form: named(told.form) }) : t("nav.evaluations")}</h1>
      <Trouble of={problem} />
      {!told && problem === null && <p aria-busy="true">{t("loading")}</p>}
      {told && (
        <ScoreRead told={told} own={own}>
          {own && <Heard id={told.id} />}
          {own && <Dispute told={told} onDone={done} />}
          {mayReview && <Review key={told.version} told={told} onDone={done} />}
          {!own && questionsOf(told.form).length > 0 && (
            <p>
              <Link href={`/evaluations/call/${told.call_id}`}>{t("score.compare_link")}</Link>
            </p>
          )}
        </ScoreRead>
      )}
    </div>
  );
}

/** The call itself, before one says that its score is wrong. Asked for by who presses play, and not before: it is audited. */
function Heard({ id }: { id: string }) {
  const [why, setWhy] = useState("");
  const [tries, setTries] = useState(0);
  const player = useRef<HTMLAudioElement>(null);
  const url = scores.myAudioUrl(id);
  async function failed(): Promise<void> {
    const said = await whyNotHeard(url);
    const focused = document.activeElement === player.current;
    setWhy(said);
    setTries((before) => before + 1);
    if (focused) setTimeout(() => player.current?.focus());
  }
  return (
    <section>
      <h2>{t("score.hear_mine")}</h2>
      {/* One that failed is dead, and its load() asks the server at once, again and again: a new one waits to be played.
          To hear is not to take away. */}
      <audio
        key={tries}
        ref={player}
        controls
        controlsList="nodownload"
        preload="none"
        src={url}
        aria-label={t("score.hear_mine")}
        onPlay={() => setWhy("")}
        onError={() => void failed()}
      />
      <p role="status">{why}</p>
    </section>
  );
}

export const OneEvaluationPage = () => <OneScore />;
export const MyEvaluationPage = () => <OneScore own />;

/** Everybody's scores of one call, and where they differ. */
export function CallScoresPage() {
  const { call = "" } = useParams<{ call: string }>();
  useEffect(readNames, []);
  const { told, problem } = useOne<CallEvaluations>(call, () => scores.ofCall(call));
  return (
    <div class="page">
      <p>
        <Link href="/evaluations">← {t("nav.evaluations")}</Link>
      </p>
      <h1>{t("score.compare_title")}</h1>
      <Trouble of={problem} />
      {told && (
        <>
          {told.hidden > 0 && <p class="note">{t("score.hidden", { n: told.hidden })}</p>}
          {told.comparisons.length === 0 && <p class="empty">{t("score.compare_none")}</p>}
          {told.comparisons.map((one) => (
            <Compared key={`${one.agent} ${one.form_id} ${one.form_version}`} of={one} />
          ))}
        </>
      )}
    </div>
  );
}
