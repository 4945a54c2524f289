// Starts the ledger page: whether the chain holds, and every change with who, when, why and what it moved.

import { get, getAll, getFile, saveFile } from "./api.js";
import { byId, element, show } from "./dom.js";
import { clearFailure, failWith } from "./failure.js";
import { language, moment, persons, signed, t } from "./i18n.js";
import { isPolicy, policyEffect, policyFacts, policyTitle } from "./ledger/policy.js";
import { bodyOf } from "./scenarios/document.js";
import { changes } from "./scenarios/merge.js";
import { placeName, valueText } from "./scenarios/words.js";
import { startShell } from "./shell.js";
import { SCENARIOS, table } from "./tables.js";

const PAGE = 20;
const view = { sets: [], entries: [], shown: PAGE, check: null, set: null };
const chosenSet = () => new URLSearchParams(window.location.search).get("set");

async function refresh() {
  clearFailure();
  const slow = setTimeout(() => show(byId("loading"), true), 400);
  try {
    view.set = chosenSet();
    const query = { pageSize: 100, ...(view.set ? { scenarioSet: view.set } : {}) };
    const [sets, entries, check] = await Promise.all([
      getAll("/scenario-sets", { pageSize: 100 }),
      getAll("/ledger-entries", query),
      get("/ledger-verification"),
    ]);
    Object.assign(view, { sets, entries: entries.reverse(), check, shown: PAGE });
    show(byId("ledger"), true);
    redraw();
  } finally {
    clearTimeout(slow);
    show(byId("loading"), false);
  }
}

function redraw() {
  if (!view.check) return;
  drawCheck();
  drawChoice();
  drawEntries();
}

function drawCheck() {
  const { valid, entries, head, firstFault } = view.check;
  byId("verification").textContent = valid
    ? t("ledger.valid", { entries: persons(entries) })
    : t("ledger.broken", { fault: firstFault ?? "" });
  byId("verification").className = `verification verification--${valid ? "valid" : "broken"}`;
  byId("head").textContent = head;
}

function drawChoice() {
  const words = (set) => t("ledger.option", { name: set.name, edition: set.edition, who: set.createdBy });
  const options = view.sets.map((set) => element("option", { value: set.id, selected: set.id === view.set }, words(set)));
  byId("ledger-set").replaceChildren(element("option", { value: "", selected: !view.set }, t("ledger.all")), ...options);
}

function drawEntries() {
  const shown = view.entries.slice(0, view.shown);
  const nodes = shown.map((entry) => element("li", { class: "entry", value: entry.sequence }, ...entryParts(entry)));
  byId("entries").replaceChildren(...(nodes.length ? nodes : [element("li", { class: "entry" }, t("ledger.none"))]));
  show(byId("more"), view.entries.length > view.shown);
}

function entryParts(entry) {
  const policy = isPolicy(entry);
  const name = policy ? policyTitle(entry) : ((entry.after ?? entry.before)?.name ?? entry.subject);
  return [
    element("h3", { class: "utrecht-heading-3" }, `${t("ledger.number", { number: persons(entry.sequence) })} ${name}`),
    facts([
      [t("ledger.who"), entry.actor],
      [t("ledger.when"), element("time", { datetime: entry.at }, moment(entry.at))],
      ...(policy ? policyFacts(entry) : []),
    ]),
    element("p", { class: "entry__label" }, t("ledger.why")),
    // The reason keeps its lines and is text, whatever it holds.
    element("blockquote", { class: "entry__reason" }, entry.reason),
    ...(policy ? policyEffect(entry) : [...effectOf(entry), ...fieldsOf(entry)]),
    seal(entry),
  ];
}

function facts(rows) {
  const list = element("dl", { class: "facts" });
  for (const [name, value] of rows) list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  return list;
}

function effectOf({ before, effect, sequence }) {
  if (before === null || before === undefined) return [element("p", { class: "hint" }, t("ledger.first"))];
  const years = Object.entries(effect ?? {});
  const moved = years.some(([, row]) => SCENARIOS.some((name) => Math.round(row[name]) !== 0));
  if (!moved) return [element("p", { class: "hint" }, t("ledger.unmoved"))];
  const columns = [{ label: t("scenario.year") }, ...SCENARIOS.map((name) => ({ label: t(`scenario.${name}`), numeric: true }))];
  const rows = years.map(([year, row]) => [year, ...SCENARIOS.map((name) => signed(row[name], 0))]);
  const made = table({ caption: t("ledger.effect"), columns, rows, stacks: true });
  made.id = `effect-${sequence}`;
  return [made];
}

function fieldsOf({ before, after }) {
  if (!before?.scenarios || !after?.scenarios) return [];
  const sides = [bodyOf(before), bodyOf(after)];
  const found = changes(sides[0], sides[1]);
  if (!found.length) return [];
  const columns = [{ label: t("merge.field") }, { label: t("merge.before") }, { label: t("merge.after") }];
  const rows = found.map(({ path, before: was, after: now }) => [placeName(path, sides), valueText(path, was), valueText(path, now)]);
  const label = t("ledger.fields", { count: persons(found.length) });
  return [element("details", {}, element("summary", {}, label), table({ caption: label, columns, rows, stacks: true }))];
}

function seal({ entryHash, previousHash }) {
  const code = (value) => element("code", {}, value);
  const rows = [
    [t("ledger.seal"), code(entryHash)],
    [t("ledger.previous"), code(previousHash)],
  ];
  return element("details", {}, element("summary", {}, t("ledger.seal")), facts(rows));
}

async function exportEntries(kind, ending) {
  const query = { language: language(), ...(view.set ? { scenarioSet: view.set } : {}) };
  const blob = await getFile("/ledger-entries", query, kind);
  saveFile(blob, `ledger.${ending}`);
}

async function verify() {
  view.check = await get("/ledger-verification");
  drawCheck();
}

function listen() {
  byId("verify").addEventListener("click", () => verify().catch(failWith));
  byId("ledger-csv").addEventListener("click", () => exportEntries("text/csv", "csv").catch(failWith));
  byId("ledger-html").addEventListener("click", () => exportEntries("text/html", "html").catch(failWith));
  byId("more").addEventListener("click", () => {
    view.shown += PAGE;
    drawEntries();
  });
  byId("ledger-set").addEventListener("change", ({ target }) => {
    const url = new URL(window.location.href);
    if (target.value) url.searchParams.set("set", target.value);
    else url.searchParams.delete("set");
    window.history.replaceState(null, "", url);
    refresh().catch(failWith);
  });
}

listen();
await startShell({ load: refresh, redraw });
