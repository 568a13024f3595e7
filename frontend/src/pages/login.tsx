import { useRef, useState } from "preact/hooks";
import { api, Refusal } from "../api";
import { t, tSlug } from "../i18n";
import { Brand, LanguageChoice } from "../parts/frame";
import { enter } from "../session";

/** The words for a refusal: ours for what we know, the server's own sentence otherwise. */
export function refusalText(error: unknown): string {
  if (!(error instanceof Refusal)) return t("problem.server_error");
  const known = tSlug("problem", error.key);
  return known === error.key ? error.message || t("problem.server_error") : known;
}

export function LoginPage() {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const password = useRef<HTMLInputElement>(null);

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
