/** The bar on top of every page: where one can go, whether the line to the server is up, language, log-out. */
import type { ComponentChildren } from "preact";
import { Link, useLocation } from "wouter-preact";
import { choose, type Key, language, t } from "../i18n";
import { connection, hasRole, leave, me } from "../session";

const places: { path: string; key: Key; roles: string[] }[] = [
  { path: "/agent", key: "nav.agent", roles: ["agent"] },
  { path: "/queues", key: "nav.queues", roles: ["agent", "supervisor", "admin"] },
  { path: "/qa", key: "nav.qa", roles: ["qa"] },
];

export function Frame({ children }: { children: ComponentChildren }) {
  const [path] = useLocation();
  const offline = connection.value === "lost";
  return (
    <>
      <a class="skip" href="#main">
        {t("nav.skip")}
      </a>
      <header class="bar">
        <Brand />
        <nav aria-label={t("nav.label")}>
          {places
            .filter((place) => hasRole(...place.roles))
            .map((place) => (
              <Link
                key={place.path}
                href={place.path}
                aria-current={path.startsWith(place.path) ? "page" : undefined}
              >
                {t(place.key)}
              </Link>
            ))}
        </nav>
        <div class="bar-end">
          <LanguageChoice />
          <span class="who" title={me.value?.user.name}>
            {me.value?.user.name}
          </span>
          <button type="button" class="quiet" onClick={() => void leave()}>
            {t("nav.logout")}
          </button>
        </div>
      </header>
      <div role="status" class={offline ? "offline" : "offline hidden"}>
        {offline && t("connection.lost")}
      </div>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

export function Brand() {
  return (
    <span class="brand">
      <img src="/icon.svg" alt="" width="24" height="24" />
      <span>
        架け橋 <small>Kakehashi</small>
      </span>
    </span>
  );
}

export function LanguageChoice() {
  const other = language.value === "ja" ? "en" : "ja";
  return (
    <button type="button" class="quiet" lang={other} onClick={() => choose(other)}>
      {other === "ja" ? "日本語" : "English"}
    </button>
  );
}
