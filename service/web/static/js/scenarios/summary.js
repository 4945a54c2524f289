// One page on paper: what the set says and what it gives, without controls. On the screen it is hidden; the charts
// that the page already drew stand on the same sheet.

import { byId, element } from "../dom.js";
import { date, moment, persons, signed, t } from "../i18n.js";
import { SCENARIOS, table } from "../tables.js";
import { valueText } from "./words.js";

/** page: {set, stored, dirty, answer, saved, reason}. */
export function drawSummary({ set, stored, dirty, answer, saved }) {
  const nodes = [
    element("h2", { class: "utrecht-heading-2" }, set.name),
    element("p", {}, t("summary.line", { edition: set.edition, cutoff: date(set.cutoff) }), " ", versionLine(stored, dirty)),
    partsTable(set),
  ];
  if (answer) nodes.push(numbers(answer, saved));
  if (stored) nodes.push(element("p", { class: "hint" }, t("summary.hash", { hash: stored.contentHash })));
  byId("summary").replaceChildren(...nodes);
}

function versionLine(stored, dirty) {
  if (!stored) return t("summary.unsaved");
  const words = { version: stored.version, who: stored.createdBy, at: moment(stored.createdAt) };
  return `${t("summary.version", words)}${dirty ? ` ${t("summary.dirty")}` : ""}`;
}

/** A column per stated year, so that every scenario takes one line. */
function partsTable(set) {
  const parts = [...set.scenarios.map((one) => named(one, "merge.scenario")), ...set.events.map((one) => named(one, "merge.event"))];
  if (set.unforeseen) parts.push([t("card.unforeseen"), set.unforeseen]);
  const years = [...new Set(parts.flatMap(([, one]) => Object.keys(one.years)))].sort();
  const rows = parts.map(([name, one]) => [name, valueText(["probability"], one.probability), ...years.map((year) => belief(one.years[year]))]);
  const columns = [{ label: t("summary.part") }, { label: t("card.probability"), numeric: true }, ...years.map((label) => ({ label, numeric: true }))];
  return table({ caption: t("summary.parts"), columns, rows });
}

const named = (one, key) => [t(key, { name: one.label || one.key }), one];

const belief = (one) => (one ? `${persons(one.expected)} ± ${persons(one.spread)}` : "–");

function numbers(answer, saved) {
  const columns = [{ label: t("scenario.year") }, ...SCENARIOS.map((name) => ({ label: t(`scenario.${name}`), numeric: true }))];
  const before = new Map((saved?.years ?? []).map((row) => [row.year, row]));
  const cell = (row, name) => {
    const old = before.get(row.year)?.[name];
    const change = old === undefined ? 0 : Math.round(row[name] - old);
    return change ? `${persons(row[name])} (${signed(change, 0)})` : persons(row[name]);
  };
  const rows = answer.years.map((row) => [String(row.year), ...SCENARIOS.map((name) => cell(row, name))]);
  return table({ caption: t("results.caption"), columns, rows });
}
