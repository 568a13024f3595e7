/** A part of the pages that few people open: it is fetched when it is shown first. */
import { type ComponentType, h } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";

export function lazily<Props extends object>(load: () => Promise<ComponentType<Props>>): (props: Props) => preact.JSX.Element {
  let here: ComponentType<Props> | null = null; // of the whole tab: the second time it is there at once
  return function Lazy(props: Props) {
    const [found, setFound] = useState<ComponentType<Props> | null>(() => here);
    const [failed, setFailed] = useState(false);
    const bring = () => {
      setFailed(false);
      load().then(
        (part) => {
          here = part;
          setFound(() => part);
        },
        () => setFailed(true),
      );
    };
    useEffect(() => {
      if (!here) bring();
    }, []);
    if (found) return h(found, props);
    if (!failed) return <p aria-busy="true">{t("loading")}</p>;
    return (
      <p role="alert" class="problem">
        {t("lazy.failed")}{" "}
        {/* A part that was not to be had stays so for this tab: browsers keep the failure. */}
        <button type="button" onClick={() => location.reload()}>
          {t("lazy.reload")}
        </button>
      </p>
    );
  };
}
