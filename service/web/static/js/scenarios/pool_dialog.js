// Several experts' sets as one: which sets, how they are combined, and with which weights; what that gives is shown
// before it is stored. Equal weights, those by track record and those after shrinking stand beside each other.

import { ServiceError, send } from "../api.js";
import { byId, element } from "../dom.js";
import { sentenceFor } from "../failure.js";
import { decimal, parseNumber, percent, persons, t } from "../i18n.js";
import { SCENARIOS, table } from "../tables.js";
import { fromDensity } from "./answers.js";
import { makeAsker } from "./asking.js";
import { check } from "./controls.js";
import { closeDialog, dialogFault, faultLines, openDialog } from "./dialog.js";
import { memberName } from "./names.js";

const METHODS = ["linear_pool", "logarithmic_pool"];
const WEIGHTS = ["equal", "stated", "performance"];
let state = null;

const asker = makeAsker({
  ask: (body, signal) => send("POST", "/scenario-pool-previews", body, { signal }),
  receive: ({ body }) => drawPreview(body),
  refuse: (error) => refused(error),
  wait: () => 250,
});

/** Sets that can be pooled with this one: the same round and target, no pools themselves. */
export const poolable = (sets, set) =>
  sets.filter(
    (one) =>
      !one.pool && one.edition === set.edition && one.cutoff === set.cutoff && ["series", "geo", "citizen"].every((name) => one.target[name] === set.target[name]),
  );

const yearsStated = ({ scenarios }) => [...new Set(scenarios.flatMap((one) => Object.keys(one.years)))].sort().join();
// Only sets about the same years can be pooled; the others are there to be chosen, and the service says what they lack.
const sameYears = (a, b) => yearsStated(a) === yearsStated(b);

/** done(stored) gets the pool after it was stored. */
export function openPool({ sets, set, done }) {
  const found = poolable(sets, set).sort((a, b) => Number(sameYears(b, set)) - Number(sameYears(a, set)));
  if (found.length < 2) {
    openDialog({ heading: t("pool.heading"), content: [element("p", {}, t("pool.few"))], actions: [], cancel: "dialog.close" });
    return;
  }
  const even = decimal(100 / found.filter((one) => sameYears(one, found[0])).length, 1);
  const rows = found.map((one) => ({ one, on: sameYears(one, found[0]), typed: even }));
  state = { rows, method: "linear_pool", weights: "equal", edition: set.edition, cutoff: set.cutoff };
  openDialog({
    heading: t("pool.heading"),
    wide: true,
    content: [
      line("pool-name", t("card.name"), t("pool.nameOf", { edition: set.edition })),
      group(t("pool.members"), ...rows.map(memberBox)),
      group(t("pool.method"), ...METHODS.map((value) => choice("method", value, [t(`pool.${value}`), t(`pool.${value}Hint`)]))),
      group(t("pool.weights"), ...WEIGHTS.map((value) => choice("weights", value, [t(`pool.${value}`), t(`pool.${value}Hint`)]))),
      element("div", { id: "pool-weights" }),
      correlationField(),
      element("div", { id: "pool-result", role: "status", "aria-live": "polite" }),
      line("pool-reason", t("save.reason"), "", t("save.reasonHint")),
    ],
    actions: [[t("pool.submit"), () => submit(done), "primary-action", "pool-submit"]],
  });
  changed();
}

const group = (legend, ...children) =>
  element("fieldset", { class: "group" }, element("legend", { class: "utrecht-form-label" }, legend), ...children);

function line(id, label, value, hint = null) {
  const described = hint ? `${id}-hint` : null;
  const input = element("input", { class: "utrecht-textbox", id, type: "text", value, autocomplete: "off", "aria-describedby": described });
  const parts = [element("label", { class: "utrecht-form-label", for: id }, label), input];
  if (hint) parts.push(element("p", { class: "hint", id: described }, hint));
  return element("div", { class: "line" }, ...parts);
}

function memberBox(row, at) {
  return check(t("layers.other", { name: row.one.name, who: row.one.createdBy }), row.on, `pool-member-${at}`, (on) => {
    row.on = on;
    changed();
  });
}

function choice(part, value, [label, hint]) {
  const id = `pool-${value}`;
  const radio = element("input", { type: "radio", name: `pool-${part}`, id, value, checked: state[part] === value, "aria-describedby": `${id}-hint` });
  radio.addEventListener("change", () => {
    state[part] = value;
    changed();
  });
  const box = element("label", { class: "check utrecht-form-label", for: id }, radio, element("span", {}, label));
  return element("div", {}, box, element("p", { class: "hint", id: `${id}-hint` }, hint));
}

function changed() {
  byId("dialog-fault").replaceChildren();
  const fields = state.weights === "stated" ? chosen().map(weightField) : [];
  byId("pool-weights").replaceChildren(...fields);
  ask();
}

/** How the pool's years hang together; left empty, the service takes the mean of the members. */
function correlationField() {
  const field = line("pool-correlation", t("card.yearCorrelation"), "", t("pool.correlationHint"));
  const input = field.querySelector("input");
  input.classList.add("measure__number");
  input.setAttribute("inputmode", "decimal");
  input.addEventListener("input", ask);
  return field;
}

const chosen = () => state.rows.filter((row) => row.on);

function weightField(row) {
  const id = `pool-weight-${state.rows.indexOf(row)}`;
  const input = element("input", { class: "utrecht-textbox measure__number", id, inputmode: "decimal", value: row.typed, autocomplete: "off" });
  input.addEventListener("input", () => {
    row.typed = input.value;
    ask();
  });
  const label = t("pool.weightOf", { name: t("layers.other", { name: row.one.name, who: row.one.createdBy }) });
  return element("div", { class: "elicit__row" }, element("label", { class: "utrecht-form-label", for: id }, label), input);
}

/** What is asked of the service, or the sentence that says why it cannot be asked yet. */
function asked() {
  const rows = chosen();
  if (rows.length < 2) return { sentence: t("pool.few2") };
  const members = rows.map(({ one, typed }) => {
    const weight = state.weights === "stated" ? (parseNumber(typed) ?? NaN) / 100 : undefined;
    return { scenarioSet: one.id, version: one.version, weight };
  });
  if (state.weights === "stated") {
    if (!members.every(({ weight }) => weight >= 0 && weight <= 1)) return { sentence: t("field.percent") };
    const sum = members.reduce((total, { weight }) => total + weight, 0);
    if (Math.abs(sum - 1) > 0.0051) return { sentence: t("pool.sum", { sum: percent(sum, 1) }) };
    // Thirds cannot be typed: what rounding left over goes to all in proportion.
    for (const member of members) member.weight /= sum;
  }
  const { method, weights, edition, cutoff } = state;
  const typed = byId("pool-correlation").value.trim();
  const yearCorrelation = typed ? parseNumber(typed) : undefined;
  if (typed && !(yearCorrelation >= 0 && yearCorrelation <= 0.99)) return { sentence: t("pool.correlation") };
  const name = byId("pool-name").value.trim() || t("pool.nameOf", { edition });
  return { body: { name, edition, cutoff, method, weights, yearCorrelation, members } };
}

function ask() {
  const { body, sentence } = asked();
  if (body) return asker.about(body);
  asker.stop();
  return byId("pool-result").replaceChildren(element("p", { class: "field-error" }, sentence));
}

function drawPreview(body) {
  if (!byId("pool-result")) return;
  byId("dialog-fault").replaceChildren();
  const { years } = fromDensity(body);
  const columns = [{ label: t("scenario.year") }, ...SCENARIOS.map((name) => ({ label: t(`scenario.${name}`), numeric: true }))];
  const rows = years.map((row) => [String(row.year), ...SCENARIOS.map((name) => persons(row[name]))]);
  const numbers = table({ caption: t("pool.result"), columns, rows, stacks: true });
  byId("pool-result").replaceChildren(membersTable(body.members, state.rows.map(({ one }) => one)), numbers);
}

/** Who weighs how much: the weight that counts, the equal one and, by track record, the raw one. */
export function membersTable(members, sets) {
  const raw = members.some((one) => one.rawWeight !== undefined && one.rawWeight !== null);
  const columns = [{ label: t("pool.member") }, { label: t("pool.equalColumn"), numeric: true }];
  if (raw) columns.push({ label: t("pool.rawColumn"), numeric: true });
  columns.push({ label: t(raw ? "pool.shrunkColumn" : "pool.weightColumn"), numeric: true });
  const rows = members.map((one) => {
    const cells = [memberName(one, sets), percent(one.equalWeight, 1)];
    if (raw) cells.push(percent(one.rawWeight, 1));
    return [...cells, percent(one.weight, 1)];
  });
  return table({ caption: t("pool.caption"), columns, rows, stacks: true });
}

function refused(error) {
  if (!(error instanceof ServiceError)) throw error;
  if (!byId("pool-result")) return;
  byId("pool-result").replaceChildren();
  dialogFault(error.status === 400 ? t("pool.refused") : sentenceFor(error.status), faultLines(error));
}

async function submit(done) {
  const { body, sentence } = asked();
  const reason = byId("pool-reason").value.trim();
  if (!body || !reason) {
    dialogFault(sentence ?? t("save.empty"));
    if (body) byId("pool-reason").focus();
    return;
  }
  asker.stop();
  try {
    const { body: stored } = await send("POST", "/scenario-pools", { ...body, reason });
    closeDialog();
    await done(stored);
  } catch (error) {
    refused(error);
  }
}
