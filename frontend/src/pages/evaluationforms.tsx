/** Forms that calls are scored on: written, tried out beside, published as a version. */
import { useEffect, useState } from "preact/hooks";
import { Link, useLocation, useParams } from "wouter-preact";
import type { Answers } from "../evaluation";
import { questionsOf } from "../evaluation";
import { scores } from "../evaluationapi";
import { blankForm, blankQuestion, blankSection, moved } from "../evaluationedit";
import { dateAndTime, named, t } from "../i18n";
import { Act, Trouble, useSending } from "../parts/asked";
import { ScoreForm, Total } from "../parts/evaluationform";
import { hasRole } from "../session";
import type { FormBody, FormHistory, FormLine } from "../wire";
import { personName, readNames } from "../parts/names";
import { EvaluationNav } from "./evaluations";

type Section = FormBody["sections"][number];
type Question = Section["questions"][number];

export function EvaluationFormsPage() {
  const { form } = useParams<{ form?: string }>();
  return form ? <OneForm key={form} id={form} /> : <AllForms />;
}

function AllForms() {
  const [told, setTold] = useState<readonly FormLine[] | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [id, setId] = useState("");
  const [, go] = useLocation();
  useEffect(() => {
    scores.forms().then((answer) => setTold(answer.forms), setProblem);
  }, []);
  return (
    <div class="page">
      <h1>{t("score.forms")}</h1>
      <EvaluationNav />
      <Trouble of={problem} />
      {told?.length === 0 && <p class="empty">{t("form.none")}</p>}
      {told && told.length > 0 && (
        <ul class="cards">
          {told.map((one) => (
            <li key={one.id}>
              <Link href={`/evaluation-forms/${one.id}`}>
                <bdi>{named(one)}</bdi>
              </Link>{" "}
              <small>
                {one.id} · {t("score.version", { n: one.version })} · {t("form.questions", { n: one.questions })} ·{" "}
                {dateAndTime(one.published_at)}
              </small>{" "}
              {!one.active && <span class="tag">{t("form.retired")}</span>}
            </li>
          ))}
        </ul>
      )}
      {hasRole("supervisor", "admin") && (
        <form
          class="begin-score"
          onSubmit={(event) => {
            event.preventDefault();
            if (id) go(`/evaluation-forms/${id}`);
          }}
        >
          <label>
            {t("form.id")}
            <input value={id} pattern="[a-z][a-z0-9\-]{0,31}" maxLength={32} autocomplete="off" onInput={(event) => setId(event.currentTarget.value)} />
          </label>
          <button>{t("form.new")}</button>
        </form>
      )}
    </div>
  );
}

function OneForm({ id }: { id: string }) {
  const [history, setHistory] = useState<FormHistory | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const look = () =>
    scores.form(id).then(setHistory, (error: { key?: string }) =>
      error.key === "not_found" ? setHistory({ id, active: true, versions: [] }) : setProblem(error),
    );
  useEffect(readNames, []);
  useEffect(() => void look(), [id]);
  return (
    <div class="page">
      <p>
        <Link href="/evaluation-forms">← {t("score.forms")}</Link>
      </p>
      <h1>{history?.versions[0] ? named(history.versions[0].form) : id}</h1>
      <Trouble of={problem} />
      {history && <Editor key={history.versions[0]?.version ?? 0} history={history} again={look} />}
    </div>
  );
}

function Editor({ history, again }: { history: FormHistory; again: () => Promise<unknown> }) {
  const newest = history.versions[0];
  // Kept: the same version read again (it was retired) is no change of what stands in the fields.
  const [begin] = useState<FormBody>(() => newest?.form ?? blankForm());
  const [form, setForm] = useState<FormBody>(begin);
  const [note, setNote] = useState("");
  const [tried, setTried] = useState<Answers>({});
  const { busy, problem, send } = useSending();
  const mayEdit = hasRole("supervisor", "admin");
  const dirty = form !== begin;
  useEffect(() => {
    if (!dirty) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [dirty]);
  const setSections = (sections: readonly Section[]) => setForm({ ...form, sections: sections as FormBody["sections"] });
  return (
    <>
      <p class="note">
        {newest ? t("form.in_force", { n: newest.version, name: personName(newest.published_by) }) : t("form.first")}{" "}
        {!history.active && <span class="tag">{t("form.retired")}</span>}
      </p>
      <div class="form-edit">
        {mayEdit && (
          <div class="panel">
            <h2>{t("form.edit")}</h2>
            <Names label={t("form.name")} of={form} onChange={(more) => setForm({ ...form, ...more })} />
            <label class="few">
              {t("form.dispute_days")}
              <input type="number" min={0} max={90} value={form.dispute_days} onInput={(event) => setForm({ ...form, dispute_days: whole(event.currentTarget.value, 0) })} />
            </label>
            {form.sections.map((section, at) => (
              <SectionEdit
                key={at}
                place={at + 1}
                section={section}
                onChange={(next) => setSections(form.sections.map((one, place) => (place === at ? next : one)))}
                onMove={(by) => setSections(moved(form.sections, at, by))}
                onRemove={() => setSections(form.sections.filter((_, place) => place !== at))}
              />
            ))}
            <Act onAct={() => setSections([...form.sections, blankSection(form)])}>{t("form.add_section")}</Act>
            <label>
              {t("plan.note")}
              <input value={note} maxLength={500} autocomplete="off" onInput={(event) => setNote(event.currentTarget.value)} />
            </label>
            <p class="note">{t("form.keeps")}</p>
            <Trouble of={problem} />
            <div class="choices">
              <Act
                class="primary"
                busy={busy || !dirty}
                onAct={() =>
                  void send(async () => {
                    await scores.publishForm(history.id, form, newest?.version ?? 0, note.trim());
                    await again();
                  })
                }
              >
                {t("plan.publish")}
              </Act>
              <Act class="quiet" busy={busy || !dirty} onAct={() => setForm(begin)}>
                {t("plan.discard")}
              </Act>
              {newest && (
                <Act
                  class="quiet"
                  busy={busy}
                  onAct={() =>
                    void send(async () => {
                      await scores.setFormActive(history.id, !history.active);
                      await again();
                    })
                  }
                >
                  {t(history.active ? "form.retire" : "form.use_again")}
                </Act>
              )}
            </div>
          </div>
        )}
        <div class="panel">
          <h2>{t("form.preview")}</h2>
          {questionsOf(form).length === 0 && <p class="empty">{t("form.empty")}</p>}
          <ScoreForm form={form} answers={tried} onAnswer={(id, one) => setTried({ ...tried, [id]: one })} />
          <Total form={form} answers={tried} />
        </div>
      </div>
      <Versions history={history} onTake={mayEdit ? setForm : null} />
    </>
  );
}

const whole = (text: string, least: number): number => Math.max(least, Math.round(Number(text)) || least);

interface Named2 {
  name_ja: string;
  name_en: string;
}

function Names({ label, of: told, onChange }: { label: string; of: Named2; onChange: (more: Named2) => void }) {
  return (
    <div class="pair">
      {(["name_ja", "name_en"] as const).map((key) => (
        <label key={key}>
          {t(key === "name_ja" ? "form.ja" : "form.en", { what: label })}
          <input
            lang={key === "name_ja" ? "ja" : "en"}
            value={told[key]}
            maxLength={200}
            required
            autocomplete="off"
            onInput={(event) => onChange({ name_ja: told.name_ja, name_en: told.name_en, [key]: event.currentTarget.value })}
          />
        </label>
      ))}
    </div>
  );
}

interface PlaceProps {
  what: string;
  onMove: (by: 1 | -1) => void;
  onRemove: () => void;
}

function Place({ what, onMove, onRemove }: PlaceProps) {
  return (
    <div class="choices">
      <Act class="small" label={t("form.up", { what })} onAct={() => onMove(-1)}>
        ↑
      </Act>
      <Act class="small" label={t("form.down", { what })} onAct={() => onMove(1)}>
        ↓
      </Act>
      <Act class="small" label={t("form.remove", { what })} onAct={onRemove}>
        ×
      </Act>
    </div>
  );
}

interface EditProps<Thing> {
  onChange: (next: Thing) => void;
  onMove: (by: 1 | -1) => void;
  onRemove: () => void;
}

function SectionEdit({ section, place, onChange, onMove, onRemove }: EditProps<Section> & { section: Section; place: number }) {
  const setQuestions = (questions: readonly Question[]) => onChange({ ...section, questions: questions as Section["questions"] });
  const what = t("form.section", { n: place });
  return (
    <fieldset>
      <legend>{what}</legend>
      <Names label={t("form.name")} of={section} onChange={(more) => onChange({ ...section, ...more })} />
      <div class="numbers">
        <label>
          {t("form.id")}
          <input value={section.id} maxLength={32} autocomplete="off" onInput={(event) => onChange({ ...section, id: event.currentTarget.value })} />
        </label>
        <label>
          {t("form.weight")}
          <input type="number" min={1} max={100} value={section.weight} onInput={(event) => onChange({ ...section, weight: whole(event.currentTarget.value, 1) })} />
        </label>
        <Place what={what} onMove={onMove} onRemove={onRemove} />
      </div>
      {section.questions.map((question, at) => (
        <QuestionEdit
          key={at}
          place={`${place}.${at + 1}`}
          question={question}
          onChange={(next) => setQuestions(section.questions.map((one, n) => (n === at ? next : one)))}
          onMove={(by) => setQuestions(moved(section.questions, at, by))}
          onRemove={() => setQuestions(section.questions.filter((_, n) => n !== at))}
        />
      ))}
      <Act onAct={() => setQuestions([...section.questions, blankQuestion(section)])}>{t("form.add_question")}</Act>
    </fieldset>
  );
}

function QuestionEdit({ question, place, onChange, onMove, onRemove }: EditProps<Question> & { question: Question; place: string }) {
  const what = t("form.question", { n: place });
  const set = (more: Partial<Question>) => onChange({ ...question, ...more });
  const withSteps = (steps: number) => set({ steps, labels: question.labels.length > 0 ? labelled(question, steps) : [] });
  return (
    <fieldset>
      <legend>{what}</legend>
      <Names label={t("form.name")} of={question} onChange={set} />
      <div class="pair">
        {(["help_ja", "help_en"] as const).map((key) => (
          <label key={key}>
            {t(key === "help_ja" ? "form.ja" : "form.en", { what: t("form.help") })}
            <textarea rows={2} maxLength={1000} value={question[key]} onInput={(event) => set({ [key]: event.currentTarget.value })} />
          </label>
        ))}
      </div>
      <div class="numbers">
        <label>
          {t("form.id")}
          <input value={question.id} maxLength={32} autocomplete="off" onInput={(event) => set({ id: event.currentTarget.value })} />
        </label>
        <label>
          {t("form.weight")}
          <input type="number" min={0} max={100} value={question.weight} onInput={(event) => set({ weight: whole(event.currentTarget.value, 0) })} />
        </label>
        <label>
          {t("form.steps")}
          <input type="number" min={2} max={10} value={question.steps} onInput={(event) => withSteps(Math.min(10, whole(event.currentTarget.value, 2)))} />
        </label>
        <Place what={what} onMove={onMove} onRemove={onRemove} />
      </div>
      <div class="numbers">
        <Tick text={t("form.na")} on={question.may_be_na} onChange={(may_be_na) => set({ may_be_na })} />
        <Tick text={t("score.fails_whole")} on={question.fails_whole} onChange={(fails_whole) => set({ fails_whole })} />
        <Tick
          text={t("form.labels")}
          on={question.labels.length > 0}
          onChange={(on) => set({ labels: on ? labelled(question, question.steps) : [] })}
        />
      </div>
      {question.labels.map((one, at) => (
        <div class="pair" key={at}>
          {(["ja", "en"] as const).map((key) => (
            <label key={key}>
              {t(key === "ja" ? "form.ja" : "form.en", { what: t("form.label", { n: at + 1 }) })}
              <input
                lang={key}
                value={one[key]}
                maxLength={200}
                required
                autocomplete="off"
                onInput={(event) =>
                  set({
                    labels: question.labels.map((two, n) => (n === at ? { ...two, [key]: event.currentTarget.value } : two)) as Question["labels"],
                  })
                }
              />
            </label>
          ))}
        </div>
      ))}
    </fieldset>
  );
}

const labelled = (question: Question, steps: number): Question["labels"] =>
  Array.from({ length: steps }, (_, at) => question.labels[at] ?? { ja: String(at + 1), en: String(at + 1) }) as Question["labels"];

function Tick({ text, on, onChange }: { text: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={on} onChange={(event) => onChange(event.currentTarget.checked)} />
      {text}
    </label>
  );
}

function Versions({ history, onTake }: { history: FormHistory; onTake: ((form: FormBody) => void) | null }) {
  return (
    <section aria-labelledby="form-versions">
      <h2 id="form-versions">
        {t("plan.versions")} <small>{history.versions.length}</small>
      </h2>
      <ol class="versions">
        {history.versions.map((one) => (
          <li key={one.version}>
            {t("score.version", { n: one.version })} · {dateAndTime(one.published_at)} · <bdi>{personName(one.published_by)}</bdi> <bdi>{one.note}</bdi>{" "}
            {onTake && (
              <Act class="link" onAct={() => onTake(one.form)}>
                {t("form.take")}
              </Act>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
