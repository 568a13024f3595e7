import { render } from "preact";
import { App } from "./app";
import { choose, language } from "./i18n";
import { start } from "./session";
import "./softphone/ownring";

choose(language.value);
const root = document.getElementById("app");
if (root) render(<App />, root);
void start();
