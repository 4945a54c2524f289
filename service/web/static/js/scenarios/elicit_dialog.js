// Stating a belief otherwise: by chances ("1 in 8 below …") or with chips in bins. The service fits a distribution;
// the reader first sees what it implies and only then takes it over, after the SHELF protocol.

import { ServiceError, send } from "../api.js";
import { byId, element } from "../dom.js";
import { sentenceFor } from "../failure.js";
import { decimal, parseNumber, percent, persons, t } from "../i18n.js";
import { button } from "./controls.js";
import { closeDialog, dialogFault, faultLines, openDialog } from "./dialog.js";
import { get, setIn } from "./document.js";
import { findings } from "./results.js";

const LEVELS = [0.125, 0.5, 0.875];
const BINS = 10;
const CHIPS = 20;
const state = { kind: "quantiles", low: 0, high: 0, chips: [], fit: null };

/** subject: {path, year, set(), change(set)}; the path leads to a scenario, an event or the unforeseen part. */
export function openElicitation(subject) {
  const one = get(subject.set(), subject.path);
  const belief = one.years[subject.year];
  const far = Math.max(belief.spread, belief.expected / 10);
  const nice = (value) => Math.max(0, Math.round(value / 1000) * 1000);
  Object.assign(state, { low: nice(belief.expected - 2.5 * far), high: nice(belief.expected + 2.5 * far), chips: Array(BINS).fill(0), fit: null });
  const kinds = ["quantiles", "roulette"].map((kind) => kindChoice(kind, subject));
  openDialog({
    heading: t("elicit.heading", { name: one.label || one.key || t("card.unforeseen"), year: subject.year }),
    wide: true,
    content: [
      element("fieldset", { class: "group" }, element("legend", { class: "utrecht-form-label" }, t("elicit.how")), ...kinds),
      element("div", { id: "elicit-input" }),
      element("div", { id: "elicit-fit", role: "status", "aria-live": "polite" }),
    ],
    actions: [
      [t("elicit.fit"), () => fit(subject), "secondary-action", "elicit-compute"],
      [t("elicit.take"), () => take(subject), "primary-action", "elicit-take"],
    ],
  });
  drawInput(belief);
  drawFit(subject);
}

function kindChoice(kind, subject) {
  const radio = element("input", { type: "radio", name: "elicit-kind", id: `elicit-${kind}`, value: kind, checked: state.kind === kind });
  radio.addEventListener("change", () => {
    Object.assign(state, { kind, fit: null });
    drawInput(get(subject.set(), subject.path).years[subject.year]);
    drawFit(subject);
  });
  return element("label", { class: "check utrecht-form-label", for: `elicit-${kind}` }, radio, element("span", {}, t(`elicit.${kind}`)));
}

function drawInput(belief) {
  byId("elicit-input").replaceChildren(...(state.kind === "quantiles" ? quantiles(belief) : roulette()));
}

function quantiles(belief) {
  const rows = LEVELS.map((level, index) => {
    const guess = belief.expected + (level - 0.5) * 3 * belief.spread;
    const value = persons(Math.max(100, Math.round(guess / 100) * 100));
    const label = element("label", { class: "utrecht-form-label", for: `quantile-${index}` }, t(`elicit.level${index}`));
    const input = element("input", { class: "utrecht-textbox measure__number", id: `quantile-${index}`, inputmode: "numeric", value, autocomplete: "off" });
    input.addEventListener("input", forget);
    return element("div", { class: "elicit__row" }, label, input);
  });
  return [element("p", { class: "hint" }, t("elicit.quantilesHint")), ...rows];
}

function roulette() {
  const bound = (id, value) => {
    const input = element("input", { class: "utrecht-textbox measure__number", id: `roulette-${id}`, inputmode: "numeric", value: persons(value), autocomplete: "off" });
    input.addEventListener("change", () => {
      const typed = parseNumber(input.value);
      if (typed !== null && typed >= 0) state[id] = typed;
      forget();
      input.value = persons(state[id]);
      drawBins();
    });
    return element("div", { class: "elicit__row" }, element("label", { class: "utrecht-form-label", for: `roulette-${id}` }, t(`elicit.${id}`)), input);
  };
  queueMicrotask(drawBins);
  return [
    element("p", { class: "hint" }, t("elicit.rouletteHint", { chips: CHIPS })),
    element("div", { class: "elicit__bounds" }, bound("low", state.low), bound("high", state.high)),
    element("div", { class: "roulette", id: "roulette" }),
    element("p", { id: "roulette-left", role: "status" }),
  ];
}

// A fit belongs to what was said when it was asked.
function forget() {
  state.fit = null;
  byId("elicit-fit").replaceChildren();
}

const edges = () => Array.from({ length: BINS + 1 }, (_, at) => state.low + ((state.high - state.low) * at) / BINS);

function drawBins() {
  const at = edges();
  const active = document.activeElement?.id;
  byId("roulette").replaceChildren(...state.chips.map((count, index) => bin(count, index, at)));
  const used = state.chips.reduce((sum, count) => sum + count, 0);
  byId("roulette-left").textContent = t("elicit.used", { used, chips: CHIPS });
  if (active) document.getElementById(active)?.focus();
}

/** A column of chips; a button adds one, another takes one away. */
function bin(count, index, at) {
  const words = { low: persons(at[index]), high: persons(at[index + 1]), count };
  const move = (by) => () => {
    state.chips[index] = Math.max(0, count + by);
    forget();
    drawBins();
  };
  const chips = Array.from({ length: count }, () => element("span", { class: "roulette__chip" }));
  const more = button("+", move(1), { name: t("elicit.more", words), id: `bin-${index}-more` });
  const less = button("−", move(-1), { name: t("elicit.less", words), id: `bin-${index}-less`, kind: "subtle" });
  return element(
    "div",
    { class: "roulette__bin" },
    element("div", { class: "roulette__stack", "aria-hidden": "true" }, ...chips),
    more,
    less,
    element("span", { class: "roulette__label" }, persons(at[index]), element("span", { class: "roulette__count" }, String(count))),
  );
}

function asked(subject) {
  const one = get(subject.set(), subject.path);
  const family = one.family;
  if (state.kind === "roulette") return { kind: "roulette", bins: edges(), chips: state.chips, family };
  const points = LEVELS.map((level, index) => ({ level, value: parseNumber(byId(`quantile-${index}`).value) }));
  return { kind: "quantiles", points, family };
}

async function fit(subject) {
  byId("dialog-fault").replaceChildren();
  try {
    const { body } = await send("POST", "/elicitation-fits", asked(subject));
    state.fit = body;
    drawFit(subject);
    return true;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    dialogFault(error.status === 400 ? t("elicit.refused") : sentenceFor(error.status), faultLines(error));
    return false;
  }
}

function drawFit(subject) {
  const { fit: found } = state;
  if (!found) return byId("elicit-fit").replaceChildren();
  const family = t(`family.${found.family}`).toLowerCase();
  const words = { family, expected: persons(found.expected), spread: persons(found.spread), residual: decimal(100 * found.residual, 1) };
  const lines = found.fitted.map(({ value, level, fitted }) => {
    const compared = { value: persons(value), level: percent(level, 1), fitted: percent(fitted, 1) };
    return element("li", {}, t("elicit.fitted", compared));
  });
  const nodes = [element("p", {}, t("elicit.result", words)), element("ul", {}, ...lines), findings(found.feedback ?? [])];
  if (get(subject.set(), subject.path).spreadMeaning !== "sd") nodes.push(element("p", { class: "hint" }, t("elicit.meaning")));
  return byId("elicit-fit").replaceChildren(...nodes);
}

/** Takes the fit over; the spread then means a standard deviation, which only a scenario that says so can hold. */
async function take(subject) {
  if (!state.fit && !(await fit(subject))) return;
  const set = subject.set();
  const one = get(set, subject.path);
  if (one.spreadMeaning !== "sd" && Object.keys(one.years).length > 1) return dialogFault(t("elicit.otherMeaning"));
  const belief = { expected: Math.round(state.fit.expected), spread: Math.round(state.fit.spread) };
  const degreesOfFreedom = state.fit.degreesOfFreedom ?? undefined;
  const changed = { ...one, family: state.fit.family, degreesOfFreedom, spreadMeaning: "sd", years: { ...one.years, [subject.year]: belief } };
  closeDialog();
  subject.change(setIn(set, subject.path, changed));
}
