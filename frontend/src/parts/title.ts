import { useEffect } from "preact/hooks";
import { t } from "../i18n";

/** The window's title while the component is shown. */
export function useTitle(text: string): void {
  const brand = t("brand");
  useEffect(() => {
    document.title = `${text} – ${brand}`;
  }, [text, brand]);
}
