// Notices above the cards: a draft brought back, a version that came in between, a save that worked.

import { byId, element } from "../dom.js";
import { t } from "../i18n.js";
import { button } from "./controls.js";

/** actions: [[label, action]]; every notice can be put away. */
export function notice(kind, text, actions) {
  const box = element("div", { class: `utrecht-alert utrecht-alert--${kind} notice`, role: "status" }, element("p", {}, text));
  const buttons = actions.map(([label, action]) => button(label, action));
  box.append(element("div", { class: "notice__actions" }, ...buttons, button(t("dialog.close"), () => box.remove(), { kind: "subtle" })));
  byId("notices").replaceChildren(box);
}

export const clearNotices = () => byId("notices").replaceChildren();
