import { useState } from "preact/hooks";
import { api } from "../api";
import { t } from "../i18n";
import { Brand, LanguageChoice } from "../parts/frame";
import { refusalText } from "../parts/problem";
import { useTitle } from "../parts/title";
import { leave, start } from "../session";

const SHORTEST = 10;

/** The first password has to be replaced before anything else can be done. */
export function PasswordPage() {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  useTitle(t("password.title"));

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const next = String(data.get("new") ?? "");
    if (next !== String(data.get("again") ?? "")) {
      setProblem(t("password.differ"));
      return;
    }
    setBusy(true);
    setProblem("");
    try {
      await api.changePassword({ current: String(data.get("current") ?? ""), new: next });
      await start();
    } catch (error) {
      setProblem(refusalText(error));
    }
    setBusy(false);
  }

  return (
    <main class="centred">
      <form class="panel narrow" onSubmit={(event) => void submit(event)}>
        <div class="spread">
          <Brand />
          <LanguageChoice />
        </div>
        <h1>{t("password.title")}</h1>
        <p>{t("password.why")}</p>
        <label>
          {t("password.current")}
          <input name="current" type="password" required maxLength={256} autocomplete="current-password" autofocus />
        </label>
        <label>
          {t("password.new", { n: SHORTEST })}
          <input
            name="new"
            type="password"
            required
            minLength={SHORTEST}
            maxLength={256}
            autocomplete="new-password"
          />
        </label>
        <label>
          {t("password.again")}
          <input name="again" type="password" required maxLength={256} autocomplete="new-password" />
        </label>
        <p role="alert" class="problem">
          {problem}
        </p>
        <div class="spread">
          <button type="button" class="quiet" onClick={() => void leave()}>
            {t("nav.logout")}
          </button>
          <button class="primary" disabled={busy}>
            {t("password.submit")}
          </button>
        </div>
      </form>
    </main>
  );
}
