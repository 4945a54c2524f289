// Starts the evaluation page: choose what to evaluate, follow the computation, read what it found.

import { ServiceError, get, getAll, send } from "./api.js";
import { byId, element, show } from "./dom.js";
import { drawOrder, redrawOrder, statedOrder } from "./evaluation/order.js";
import { drawResult } from "./evaluation/result.js";
import { clearFailure, drawFailure, failWith } from "./failure.js";
import { moment, named, percent, t } from "./i18n.js";
import { UNDER_WAY, follow } from "./progress.js";
import { said } from "./service_words.js";
import { startShell } from "./shell.js";

const view = { evaluations: [], chosen: null, found: null, working: null };
let following = null;

const asked = () => new URLSearchParams(window.location.search).get("evaluation");

function keepInAddress(id) {
  const url = new URL(window.location.href);
  url.searchParams.set("evaluation", id);
  window.history.replaceState(null, "", url);
}

async function refresh() {
  clearFailure();
  const [contents, evaluations] = await Promise.all([getAll("/archive-contents"), getAll("/evaluations")]);
  view.evaluations = evaluations;
  drawOrder(contents);
  drawChooser();
  const running = evaluations.find((one) => UNDER_WAY.has(one.status));
  if (running) watch(running);
  const first = evaluations.find((one) => one.id === asked()) ?? evaluations.find((one) => one.status === "succeeded");
  if (first) await choose(first.id);
}

function drawChooser() {
  const options = view.evaluations.map((one) => element("option", { value: one.id }, nameOf(one)));
  byId("evaluation-choice").replaceChildren(...options);
  if (view.chosen) byId("evaluation-choice").value = view.chosen;
  show(byId("chooser"), options.length > 0);
}

function nameOf(one) {
  const { issuer, stage, targetYears } = one.request.filter;
  const parts = [moment(one.createdAt), issuer ?? t("order.all"), stage ? named("moment", stage) : t("order.allStages")];
  if (targetYears) parts.push(targetYears.join("–"));
  return `${parts.join(" · ")} (${named("status", one.status)})`;
}

async function choose(id) {
  view.chosen = id;
  view.found = null;
  show(byId("result"), false);
  drawChooser();
  try {
    const found = await get(`/evaluations/${encodeURIComponent(id)}`);
    if (found.status === "succeeded") return showResult(found);
    if (UNDER_WAY.has(found.status)) return watch(found);
    drawFailure({ sentenceKey: `outcome.${found.status}`, detail: found.error?.detail, detailNl: found.error?.detailNl });
  } catch (error) {
    failWith(error);
  }
}

function showResult(found) {
  view.found = found;
  drawResult(found);
  show(byId("result"), true);
}

async function start(event) {
  event.preventDefault();
  clearFailure();
  const { order, faults } = statedOrder();
  drawFaults(faults);
  if (faults.length) return;
  byId("start").disabled = true;
  try {
    const { body } = await send("POST", "/evaluations", order);
    keepInAddress(body.id);
    view.evaluations = await getAll("/evaluations");
    view.chosen = body.id;
    if (body.status === "succeeded") await choose(body.id);
    else watch(body);
    drawChooser();
  } catch (error) {
    if (error instanceof ServiceError && error.status === 400) drawFaults(error.errors.map((one) => said(one)));
    else failWith(error);
  } finally {
    byId("start").disabled = false;
  }
}

/** faults: sentences, or elements that hold them. */
function drawFaults(faults) {
  byId("order-faults").replaceChildren(...faults.map((fault) => element("li", {}, fault)));
}

/** Follows an evaluation under way and shows what it found when it is done. */
function watch(evaluation) {
  following?.abort();
  following = new AbortController();
  view.working = evaluation;
  const report = (news) => {
    view.working = { ...view.working, ...news };
    drawWork();
  };
  report({});
  follow(evaluation.id, report, following.signal, "/evaluations")
    .then(async (last) => {
      if (!last) return;
      view.working = null;
      drawWork();
      view.evaluations = await getAll("/evaluations");
      await choose(last.id);
      if (last.status === "succeeded") byId("result-heading").focus();
    })
    .catch(failWith);
}

function drawWork() {
  const work = view.working;
  show(byId("progress"), Boolean(work));
  if (!work) return;
  const share = work.progress ?? 0;
  byId("progress-name").textContent = nameOf(work);
  byId("progress-bar").value = share;
  byId("progress-bar").textContent = percent(share);
  byId("progress-share").textContent = percent(share);
  const said = work.status === "queued" ? t("work.queued") : named("work.stage", (work.stage || "starting").replaceAll(" ", "_"));
  // A live region is read again on every write, so only a change is written.
  if (byId("progress-stage").textContent !== said) byId("progress-stage").textContent = said;
}

async function cancel() {
  try {
    await send("DELETE", `/evaluations/${encodeURIComponent(view.working.id)}`);
  } catch (error) {
    failWith(error);
  }
}

function redraw() {
  redrawOrder();
  drawChooser();
  drawWork();
  if (view.found) drawResult(view.found);
}

byId("order").addEventListener("submit", start);
byId("cancel").addEventListener("click", cancel);
byId("evaluation-choice").addEventListener("change", () => {
  const id = byId("evaluation-choice").value;
  keepInAddress(id);
  choose(id);
});
await startShell({ load: refresh, redraw });
