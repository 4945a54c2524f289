// The panel that shows a forecast being computed: which, how far, in which stage, and a way to it when it is done.

import { byId, show } from "./dom.js";
import { has, percent, t } from "./i18n.js";
import { worded } from "./service_words.js";

let shown = null;

/** state: as GET /forecasts/{id} gives it; name: what the chooser calls it; open: shows it, or null. */
export function drawProgress(state, name, open) {
  shown = { state, name, open };
  redrawProgress();
}

export function hideProgress() {
  shown = null;
  show(byId("progress"), false);
}

export function redrawProgress() {
  if (!shown) return;
  const { state, name, open } = shown;
  const share = state.status === "succeeded" ? 1 : (state.progress ?? 0);
  byId("progress-name").textContent = name;
  byId("progress-bar").value = share;
  byId("progress-bar").textContent = percent(share);
  byId("progress-share").textContent = t("progress.share", { share: percent(share) });
  // A live region is read again on every write, so only a change is written.
  const sentence = stageSentence(state);
  if (byId("progress-stage").textContent !== sentence) byId("progress-stage").textContent = sentence;
  show(byId("progress-show"), state.status === "succeeded" && open !== null);
  byId("progress-show").onclick = open;
  show(byId("progress"), true);
}

/** What the computation is doing, in the reader's language. */
export function stageSentence(state) {
  if (state.status === "succeeded") return t("progress.ready");
  if (state.status === "failed") return t("progress.failed", { detail: worded(state.error ?? {}) }).trim();
  if (state.status === "cancelled") return t("progress.cancelled");
  if (state.status === "queued" || !state.stage) return t("stage.queued");
  const key = `stage.${state.stage.replaceAll(" ", "_")}`;
  return has(key) ? t(key) : t("stage.other", { stage: state.stage });
}
