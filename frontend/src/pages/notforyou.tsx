import { t } from "../i18n";

/** A colleague sent a link to a recording, and one may not hear it: said, instead of another page without a word. */
export function NotForYouPage() {
  return (
    <div class="page">
      <h1>{t("not_for_you.title")}</h1>
      <p>{t("not_for_you.text")}</p>
    </div>
  );
}
