// Starts the expert's page: which set, its draft, the cards, and on every edit what it does to the four scenarios.
// Holds the state of the page; drawing, asking and keeping are done by the modules under scenarios/.

import { ServiceError, get, getAll, getVersioned } from "./api.js";
import { byId, show } from "./dom.js";
import { clearFailure, failWith } from "./failure.js";
import { date, moment, t } from "./i18n.js";
import { askPreview, askStored, askWhatIf } from "./scenarios/answers.js";
import { makeAsker } from "./scenarios/asking.js";
import { drawPosteriors } from "./scenarios/cards.js";
import { drawChoice, keepInAddress, startChoice } from "./scenarios/choice.js";
import { dialogIsOpen, startDialog } from "./scenarios/dialog.js";
import { bodyOf, movedToCutoff, rescaled, unpooled, withEvent, withScenario, yearsOf } from "./scenarios/document.js";
import { makeDrafts } from "./scenarios/drafts.js";
import { drawYearChoices, isWhole, makeEditor } from "./scenarios/editor.js";
import { openElicitation } from "./scenarios/elicit_dialog.js";
import { drawHead, drawKept } from "./scenarios/head.js";
import { makeHistory } from "./scenarios/history.js";
import { makeComparison } from "./scenarios/comparison.js";
import { countedYears, forecastFor } from "./scenarios/layers.js";
import { equal } from "./scenarios/merge.js";
import { openMerge } from "./scenarios/merge_dialog.js";
import { partNames } from "./scenarios/names.js";
import { clearNotices, notice } from "./scenarios/notices.js";
import { drawFaults, drawUnreachable } from "./scenarios/refusals.js";
import { drawBasis, drawFeedback, drawOwn, drawResults } from "./scenarios/results.js";
import { startKeys } from "./scenarios/keys.js";
import { drawOrder } from "./scenarios/order.js";
import { drawPool } from "./scenarios/pool_card.js";
import { openPool } from "./scenarios/pool_dialog.js";
import { openSave } from "./scenarios/save_dialog.js";
import { firstSet } from "./scenarios/start.js";
import { drawSummary } from "./scenarios/summary.js";
import { startTransfer } from "./scenarios/transfer.js";
import { drawWeight, syncWeight } from "./scenarios/weight.js";
import { startShell } from "./shell.js";

const RETRY = 3000;
// Longer than the time between two steps of a slider, so that the two questions do not hold each other up.
const PAUSE = 500;
const fresh = () => ({
  stored: null,
  base: null,
  etag: null,
  forecast: null,
  past: [],
  told: null,
  saved: null,
  answer: null,
  experts: null,
  feedback: null,
});
const view = { sets: [], forecasts: [], caller: { name: null }, year: null, ...fresh() };
const history = makeHistory(null);
let draftState = null;
let retrying = null;

const work = () => history.present;
const set = () => work().set;
const isDirty = () => !view.base || !equal(view.base, set());
const savedWeight = () => view.forecast?.request.expertWeight ?? 1;

const drafts = makeDrafts({
  report: (state) => {
    draftState = state;
    if (work()) drawKept(isDirty(), state);
  },
  clash: (other) =>
    openMerge({
      base: view.base,
      mine: set(),
      theirs: other.set,
      heading: t("clash.heading"),
      intro: t("clash.intro"),
      done: (chosen) => {
        byId("dialog").close();
        change(chosen);
      },
    }),
});

const editor = makeEditor({
  set,
  year: () => view.year,
  change: (next, gesture, focus) => change(next, gesture, focus),
  finish: () => history.endGesture(),
  together: () => byId("together").checked,
  elicit: (path, year) => openElicitation({ path, year, set, change }),
  highest: () => Math.max(0, ...view.past.map((row) => row.total)),
});

const comparison = makeComparison({ view, set, redraw: () => drawAnswers() });

const whatIf = makeAsker({
  ask: (asked, signal) => askWhatIf(view.forecast, asked, madeWith(), signal),
  receive: (answer) => take(answer),
  refuse: (error) => refused(error),
  measure: () => "instroom.redraw",
});

// With a forecast the preview only adds feedback and the experts' own curve, and waits for a pause; without one it is
// the answer.
const preview = makeAsker({
  ask: (asked, signal) => (view.stored && !isDirty() ? askStored(view.stored.id, signal) : askPreview(asked, signal)),
  receive: (answer) => {
    Object.assign(view, { experts: answer, feedback: answer.feedback });
    if (!view.forecast) take(answer);
    else if (view.answer) drawOwn(shown());
    drawFeedback(answer.feedback, view.year);
    faults([]);
  },
  refuse: (error) => refused(error),
  wait: () => (view.forecast ? PAUSE : 0),
  measure: () => (view.forecast ? null : "instroom.redraw"),
});

/** Every edit comes through here: a step to undo, the draft, the cards, and the question what it does. */
function change(next, gesture = null, focus = null) {
  const editedAt = performance.now();
  // A pool that is changed is a set like any other: its members no longer tell what it says.
  // A set that nobody has stored yet goes along with its cutoff.
  const written = view.stored || next.cutoff === set().cutoff ? next : movedToCutoff(next);
  history.edit({ ...work(), set: unpooled(written) }, gesture);
  after(editedAt, { focus });
}

function changeWeight(expertWeight, gesture) {
  const editedAt = performance.now();
  history.edit({ ...work(), expertWeight }, gesture);
  after(editedAt, {});
}

function after(editedAt, drawn) {
  drafts.keep({ set: set(), expertWeight: work().expertWeight, base: view.stored && { version: view.stored.version, etag: view.etag, set: view.base } });
  drawYears();
  editor.draw(drawn);
  followRound();
  syncWeight();
  head();
  ask(editedAt);
}

/** Another cutoff or series is another round, with another forecast or none. */
function followRound() {
  const found = forecastFor(view.forecasts, view.stored?.id, set());
  if (found?.id === view.forecast?.id) return;
  Object.assign(view, { forecast: found, saved: null, told: null });
  drawWeight(view, work, changeWeight);
  around().catch(failWith);
}

function ask(editedAt) {
  const askable = isWhole(set());
  byId("results").classList.toggle("results--stale", !askable);
  if (!askable) return;
  if (view.forecast) whatIf.about(work(), editedAt);
  preview.about(work(), editedAt);
}

function take(answer) {
  view.answer = answer;
  clearTimeout(retrying);
  retrying = null;
  byId("results-fault").replaceChildren();
  drawAnswers();
}

function refused(error) {
  if (!(error instanceof ServiceError)) throw error;
  if (error.status === 401) return failWith(error);
  byId("results").classList.add("results--stale");
  if (error.status === 400) return faults(error.errors.length ? error.errors : [{ field: "", detail: error.detail, detailNl: error.detailNl }]);
  drawUnreachable(error);
  clearTimeout(retrying);
  retrying = setTimeout(() => ask(performance.now()), RETRY);
  return undefined;
}

const faults = (found) => drawFaults(found, editor.showFaults(found));

function drawAnswers() {
  if (!view.answer) return;
  if (isWhole(set())) byId("results").classList.remove("results--stale");
  drawResults(shown());
  drawPosteriors(view.answer.probabilities);
  drawBasis(view.forecast, view.answer, view.forecast && date(view.forecast.request.asOf));
  drawOrder(view, () => work().expertWeight, ordered);
}

function shown() {
  const experts = view.forecast && comparison.wants("experts") ? view.experts : null;
  return { ...view, layers: comparison.layers(), experts, own: view.experts, names: partNames(set(), view.sets), unchanged: Boolean(madeWith()) && !isDirty() };
}

/** What the forecast was made with, where that is the saved version. */
function madeWith() {
  const made = view.forecast?.request;
  return view.stored && made?.scenarioSet === view.stored.id && made.scenarioSetVersion === view.stored.version ? view.base : null;
}

function head() {
  drawHead({ set: set(), stored: view.stored, history, dirty: isDirty(), kept: draftState });
  drawPool(set(), view.sets);
}

function drawYears() {
  const years = yearsOf(set());
  if (!years.includes(view.year)) view.year = years[1] ?? years[0];
  drawYearChoices(years, view.year, chooseYear);
}

function chooseYear(year) {
  view.year = year;
  drawYears();
  editor.draw();
  drawAnswers();
  if (view.feedback) drawFeedback(view.feedback, year);
}

function step(move) {
  const editedAt = performance.now();
  if (!move()) return;
  after(editedAt, { force: true });
}

const listed = (path) => getAll(path, { pageSize: 100 });

async function refresh() {
  clearFailure();
  const slow = setTimeout(() => show(byId("loading"), true), 400);
  try {
    [view.sets, view.forecasts, view.caller] = await Promise.all([listed("/scenario-sets"), listed("/forecasts"), get("/callers/me")]);
    const asked = new URLSearchParams(window.location.search).get("set");
    const first = view.sets.find((one) => one.id === asked) ?? (asked === "new" ? null : view.sets[0]);
    await open(first?.id ?? null);
  } finally {
    clearTimeout(slow);
    show(byId("loading"), false);
  }
}

/** Opens a stored set, or with null a new one, with the draft that was left there. */
async function open(id, started = null) {
  whatIf.stop();
  preview.stop();
  Object.assign(view, fresh());
  clearNotices();
  comparison.reset();
  if (id) await readStored(id);
  const draft = started ? null : await drafts.open(id ?? "new");
  if (started) await drafts.open("new");
  const begun = started ?? view.base ?? firstSet(view.forecasts);
  view.forecast = forecastFor(view.forecasts, id, begun);
  history.reset({ set: begun, expertWeight: savedWeight() });
  draftState = null;
  keepInAddress(id);
  if (draft && !equal(draft.set, begun)) restore(draft);
  view.year = null;
  show(byId("editor"), true);
  drawChoice(view, id, work());
  drawYears();
  editor.draw({ force: true });
  drawWeight(view, work, changeWeight);
  head();
  await around();
}

async function readStored(id) {
  const { body, etag } = await getVersioned(`/scenario-sets/${encodeURIComponent(id)}`);
  Object.assign(view, { stored: body, base: bodyOf(body), etag });
}

/** A draft that was left: it becomes the first step, so that undoing it gives the saved version back. */
function restore(draft) {
  history.edit({ set: draft.set, expertWeight: draft.expertWeight ?? savedWeight() });
  draftState = "kept";
  const actions = [[t("draft.discard"), () => discard().catch(failWith)]];
  if (draft.base && view.stored && draft.base.version !== view.stored.version) {
    // Saving must meet the version that came in between, not slip past it.
    Object.assign(view, { etag: draft.base.etag, base: draft.base.set });
    notice("warning", t("draft.overtaken", { who: view.stored.createdBy, version: view.stored.version }), actions);
  } else notice("info", t("draft.restored", { at: moment(draft.savedAt) }), actions);
}

async function discard() {
  await drafts.drop();
  await open(view.stored?.id ?? null);
}

/** Everything around the cards: counts, what the saved version gives, what the draft gives. */
async function around() {
  ask(performance.now());
  const { forecast, base } = view;
  const [past, saved, told] = await Promise.all([
    countedYears(forecast, set()),
    base && savedAnswer(forecast, base),
    forecast?.request.scenarioSet ? get(`/forecasts/${encodeURIComponent(forecast.id)}/scenario-probabilities`) : null,
  ]);
  if (forecast !== view.forecast || base !== view.base) return;
  Object.assign(view, { past, saved, told });
  await comparison.offer();
  drawAnswers();
}

async function ordered() {
  view.forecasts = await listed("/forecasts");
  view.forecast = forecastFor(view.forecasts, view.stored?.id, set());
  await around();
}

async function savedAnswer(forecast, base) {
  if (!isWhole(base)) return null;
  return forecast ? askWhatIf(forecast, { set: base, expertWeight: savedWeight() }, madeWith()) : askStored(view.stored.id);
}

async function openStored({ id }) {
  // A first set of one's own opens those of others, and the forecasts made of them.
  [view.sets, view.forecasts] = await Promise.all([listed("/scenario-sets"), listed("/forecasts")]);
  await open(id);
}

async function pooled(stored) {
  await openStored(stored);
  notice("ok", t("pool.done"), []);
}

const savePage = {
  work,
  get base() {
    return view.base;
  },
  get id() {
    return view.stored?.id ?? null;
  },
  get etag() {
    return view.etag;
  },
  async saved(stored) {
    await drafts.drop();
    const { expertWeight } = work();
    await openStored(stored);
    if (expertWeight !== work().expertWeight) changeWeight(expertWeight);
    notice("ok", t("save.done", { version: stored.version }), []);
  },
  merged(chosen, stored, etag) {
    Object.assign(view, { stored, base: bodyOf(stored), etag });
    clearNotices();
    change(chosen);
    around().catch(failWith);
  },
  async apart(mine) {
    await drafts.drop();
    await open(null, { ...mine, name: t("merge.apartName", { name: mine.name }) });
    change(set());
  },
};

function redraw() {
  if (!work()) return;
  drawChoice(view, view.stored?.id ?? null, work());
  editor.draw({ force: true });
  drawWeight(view, work, changeWeight);
  comparison.draw();
  head();
  drawAnswers();
  if (view.feedback) drawFeedback(view.feedback, view.year);
}

function imported(body) {
  change(bodyOf({ ...set(), ...body }));
  editor.draw({ force: true });
  notice("info", t("import.done"), []);
}

const undo = () => step(history.undo);
const redo = () => step(history.redo);
const saveNow = () => openSave(savePage);

const sheet = () => work() && drawSummary({ ...view, set: set(), dirty: isDirty() });

function listen() {
  startDialog();
  startChoice((id) => open(id).catch(failWith));
  const clicks = { undo, redo, save: saveNow, print: () => window.print(), rescale: () => change(rescaled(set())) };
  clicks["pool-sets"] = () => openPool({ sets: view.sets, set: set(), done: pooled });
  clicks["add-scenario"] = () => change(withScenario(set(), ""), null, `f-scenarios-${set().scenarios.length}-label`);
  clicks["add-event"] = () => change(withEvent(set(), "", view.year), null, `f-events-${set().events.length}-label`);
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", action);
  startTransfer({ receive: imported, stored: () => view.stored });
  startKeys({ z: undo, y: redo, s: saveNow }, () => Boolean(work()) && !dialogIsOpen());
  window.addEventListener("online", () => {
    drafts.retry();
    if (work()) ask(performance.now());
  });
  window.addEventListener("beforeprint", sheet);
  window.addEventListener("pagehide", drafts.flush);
}

listen();
await startShell({ load: refresh, redraw });
