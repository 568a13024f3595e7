import { render } from "preact";
import { App } from "./app";
import { drawAfterAnswer } from "./drawlater";
import { choose, language } from "./i18n";
import { start } from "./session";
import "./softphone/ownring";
import { call } from "./softphone/softphone";

choose(language.value);
drawAfterAnswer(call);
const root = document.getElementById("app");
if (root) render(<App />, root);
void start();
