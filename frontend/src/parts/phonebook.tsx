/** The desk's phone book for those who keep it: what is in it, something new, a correction, and taking out. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api";
import { named, t } from "../i18n";
import { search } from "../whom";
import type { QueueLive, SavedNumberEntry, SavedNumberRequest } from "../wire";
import { Trouble, usePolled, useSending } from "./asked";
import { DialSaid, Dialled } from "./dial";
import { Confirm } from "./dialog";
import { personName } from "./names";
import { Text } from "./text";
import { FormEnd, KeptHead } from "./kept";

const LOOK_AGAIN_MS = 30_000; // it changes a few times a month
const MOST_NAME = 200; // cti/web/savedbodies.py
const MOST_NUMBER = 40;

export function PhoneBook({ queues, queueName }: { queues: QueueLive[]; queueName: (slug: string) => string }) {
  const { data, problem, again } = usePolled(api.savedNumbers, LOOK_AGAIN_MS, "book");
  const [query, setQuery] = useState("");
  const [writing, setWriting] = useState<SavedNumberEntry | "new" | null>(null);
  const [chosen, setChosen] = useState<SavedNumberEntry | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    setWriting(null);
    opener.current?.focus();
  };
  const all = data?.numbers ?? [];
  const byId = new Map(all.map((one) => [one.id, one]));
  const found = search(
    all.map((one) => ({ kind: "saved" as const, id: one.id, name: one.name, reading: one.reading, note: one.national, why: "" })),
    query,
  ).flatMap((one) => byId.get(one.id) ?? []);
  return (
    <section class="agents" aria-labelledby="phone-book">
      <KeptHead
        id="phone-book"
        title={t("book.title")}
        count={all.length}
        create={t("book.new")}
        open={writing === "new"}
        opener={opener}
        onOpen={() => setWriting("new")}
      />
      <Trouble of={problem} />
      <DialSaid />
      {writing && (
        <Entry
          key={writing === "new" ? "new" : writing.id}
          of={writing === "new" ? null : writing}
          queues={queues}
          done={() => {
            close();
            again();
          }}
          cancel={close}
        />
      )}
      {all.length > 8 && (
        <input
          type="search"
          aria-label={t("book.search")}
          placeholder={t("book.search")}
          maxLength={60}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
      )}
      {data === null ? (
        problem === null && <p aria-busy="true">{t("loading")}</p>
      ) : all.length === 0 ? (
        <p class="note">{t("book.none")}</p>
      ) : (
        <ul class="announcements">
          {found.map((one) => (
            <li key={one.id} class="panel book-entry">
              <p>
                <b>
                  <Text text={one.name} limit={MOST_NAME} />
                </b>{" "}
                {one.reading && (
                  <small>
                    <Text text={one.reading} />
                  </small>
                )}
              </p>
              <p>
                <Dialled number={one.e164} text={one.national} />
              </p>
              <p class="note">
                <Text text={seenBy(one, queueName)} />
                {" · "}
                <Text text={one.changed_by === null ? t("book.by_file") : t("book.by", { name: personName(one.changed_by) })} />
              </p>
              <div class="choices">
                <button type="button" class="small" aria-label={`${t("book.change")} ${one.name}`} onClick={() => setWriting(one)}>
                  {t("book.change")}
                </button>
                <button type="button" class="small" aria-label={`${t("book.remove")} ${one.name}`} onClick={() => setChosen(one)}>
                  {t("book.remove")}
                </button>
              </div>
            </li>
          ))}
        </ul>
      )}
      {chosen && (
        <Confirm
          title={t("book.remove_title")}
          text={`${chosen.name} ${chosen.national}`}
          action={t("book.remove")}
          onConfirm={() => api.removeSavedNumber(chosen.id).then(again)}
          onClose={() => setChosen(null)}
        />
      )}
    </section>
  );
}

function seenBy(one: SavedNumberEntry, queueName: (slug: string) => string): string {
  const who = [...one.queues.map(queueName), ...one.agents];
  return who.length === 0 ? t("book.everybody") : t("book.seen_by", { names: who.join(t("list.comma")) });
}

interface EntryProps {
  of: SavedNumberEntry | null; // null: a new one
  queues: QueueLive[];
  done: () => void;
  cancel: () => void;
}

function Entry({ of, queues, done, cancel }: EntryProps) {
  const { busy, problem, send } = useSending();
  const [name, setName] = useState(of?.name ?? "");
  const [reading, setReading] = useState(of?.reading ?? "");
  const [number, setNumber] = useState(of?.national ?? "");
  const [queue, setQueue] = useState(of?.queues[0] ?? "");
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []); // the button that opened it may be far below
  const save = async () => {
    // One queue is what a form needs; an entry of several keeps the others until another is chosen here.
    const kept = of !== null && queue === (of.queues[0] ?? "");
    const body: SavedNumberRequest = {
      name: name.trim(),
      reading: reading.trim(),
      number: number.trim(),
      queues: kept ? of.queues : queue === "" ? [] : [queue],
      agents: of?.agents ?? [],
    };
    if (await send(() => (of === null ? api.addSavedNumber(body) : api.changeSavedNumber(of.id, body)))) done();
  };
  return (
    <form
      class="panel announce-form"
      aria-label={of === null ? t("book.new") : t("book.change")}
      onKeyDown={(event) => event.key === "Escape" && !event.isComposing && cancel()}
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void save();
      }}
    >
      <label>
        {t("book.name")}
        <input ref={first} value={name} required maxLength={MOST_NAME} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <label>
        {t("book.reading")}
        <input value={reading} lang="ja" maxLength={MOST_NAME} onInput={(event) => setReading(event.currentTarget.value)} />
      </label>
      <label>
        {t("book.number")}
        <input value={number} required inputMode="tel" maxLength={MOST_NUMBER} onInput={(event) => setNumber(event.currentTarget.value)} />
      </label>
      <label>
        {t("book.who")}
        <select value={queue} onChange={(event) => setQueue(event.currentTarget.value)}>
          <option value="">{t("book.everybody")}</option>
          {queues.map((one) => (
            <option key={one.queue.id} value={one.queue.id}>
              {t("book.of_queue", { name: named(one.queue) })}
            </option>
          ))}
        </select>
      </label>
      <FormEnd busy={busy} problem={problem} action={t("book.save")} cancel={cancel} />
    </form>
  );
}
