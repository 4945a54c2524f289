// Beside the results: why what is written cannot be computed with, or that the service cannot be reached.

import { byId, element, show } from "../dom.js";
import { sentenceFor } from "../failure.js";
import { t } from "../i18n.js";
import { faultLines } from "./dialog.js";

/** found: the service's faults; left: those that could not be shown at a field of their own. */
export function drawFaults(found, left) {
  if (!found.length) return byId("results-fault").replaceChildren();
  const lines = left.length ? faultLines({ errors: left }) : [];
  const box = element("div", { class: "utrecht-alert utrecht-alert--error notice" }, element("p", {}, t("results.refused")));
  if (lines.length) box.append(element("ul", {}, ...lines));
  show(byId("results"), true);
  return byId("results-fault").replaceChildren(box);
}

export function drawUnreachable(error) {
  const sentence = `${t("results.unreachable")} ${sentenceFor(error.status)}`;
  byId("results-fault").replaceChildren(element("p", { class: "utrecht-alert utrecht-alert--warning notice" }, sentence));
  show(byId("results"), true);
}
