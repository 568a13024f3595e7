import { useRef, useState } from "preact/hooks";
import { api } from "../api";
import { t } from "../i18n";
import { Brand, LanguageChoice } from "../parts/frame";
import { refusalText } from "../parts/problem";
import { useTitle } from "../parts/title";
import { enter, sessionOver } from "../session";
import { call } from "../softphone/softphone";

export function LoginPage() {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);
  useTitle(t("login.title"));

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem("");
    try {
      enter(
        await api.login({
          tenant: String(data.get("tenant") ?? ""),
          login: String(data.get("login") ?? ""),
          password: String(data.get("password") ?? ""),
        }),
      );
    } catch (error) {
      setProblem(refusalText(error));
      setBusy(false);
      password.current?.select();
    }
  }

  return (
    <main class="centred">
      <form class="panel narrow" onSubmit={(event) => void submit(event)}>
        <div class="spread">
          <Brand />
          <LanguageChoice />
        </div>
        <h1>{t("login.title")}</h1>
        {sessionOver.value && (
          <p role="status" class="warning">
            {t("login.over")}
          </p>
        )}
        {call.value !== "none" && <p class="note">{t("login.call")}</p>}
        <label>
          {t("login.login")}
          <input name="login" required maxLength={64} autocomplete="username" autocapitalize="none" autofocus />
        </label>
        <label>
          {t("login.password")}
          <input
            ref={password}
            name="password"
            type="password"
            required
            maxLength={256}
            autocomplete="current-password"
          />
        </label>
        <details>
          <summary>{t("login.tenant_where")}</summary>
          <label>
            {t("login.tenant")}
            <input name="tenant" maxLength={64} autocapitalize="none" autocomplete="organization" />
          </label>
        </details>
        <p role="alert" class="problem">
          {problem}
        </p>
        <button class="primary" disabled={busy}>
          {t("login.submit")}
        </button>
      </form>
    </main>
  );
}
