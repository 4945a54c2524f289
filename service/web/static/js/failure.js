// One sentence for everything that can go wrong between this page and the service.

import { ServiceError } from "./api.js";
import { byId, element, show } from "./dom.js";
import { t } from "./i18n.js";
import { said } from "./service_words.js";

const SENTENCES = {
  0: "failure.unreachable",
  401: "failure.unauthorised",
  403: "failure.forbidden",
  404: "failure.missing",
  409: "failure.notReady",
  429: "failure.busy",
  502: "failure.unavailable",
  503: "failure.unavailable",
  504: "failure.unavailable",
};
let shown = null;

export const sentenceFor = (status) => t(SENTENCES[status] ?? "failure.other");

/** problem: {sentenceKey?, status?, detail?, detailNl?}; the details are the service's own sentence. */
export function drawFailure(problem) {
  shown = problem;
  redrawFailure();
}

export function failWith(error) {
  // Anything but an answer of the service is a fault of this page and belongs in the console.
  if (!(error instanceof ServiceError)) throw error;
  drawFailure({ status: error.status, detail: error.detail, detailNl: error.detailNl });
}

export function clearFailure() {
  shown = null;
  byId("failure").replaceChildren();
  show(byId("token-form"), false);
}

export function redrawFailure() {
  if (!shown) return;
  const { status, detail, detailNl, sentenceKey } = shown;
  const box = element(
    "div",
    { class: "utrecht-alert utrecht-alert--error notice" },
    element("h2", { class: "utrecht-heading-3" }, t("failure.heading")),
    element("p", {}, sentenceKey ? t(sentenceKey) : sentenceFor(status)),
  );
  if (detail) {
    const [before, after] = t("failure.detail", { detail: "\u0000" }).split("\u0000");
    box.append(element("p", { class: "hint" }, before, said({ detail, detailNl }), after));
  }
  byId("failure").replaceChildren(box);
  show(byId("token-form"), status === 401);
}
