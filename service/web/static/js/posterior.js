// What the counts made of the scenarios: probabilities before and after, which months moved them, what the conflict
// measure means, and what each scenario or expert does to the four numbers.

import { element } from "./dom.js";
import { chance, decimal, month, named, signed, t } from "./i18n.js";
import { said } from "./service_words.js";
import { SCENARIOS, table } from "./tables.js";

const titled = (names, key) => names.get(key) ?? named("weights", key);

/** told: as GET scenario-probabilities gives it; names: Map(key → what the set calls it). */
export const evidenceNodes = (told, names) => [conflictNode(told.conflict), ...monthNodes(told.byMonth ?? [], names)];

/** The conflict measure in the service's own words, with its number where there is one. */
function conflictNode(conflict) {
  const kind = conflict.flag ? "warning" : "info";
  const sentence = conflict.detail ? said(conflict) : element("span", {}, t(conflict.flag ? "weights.conflict" : "weights.noConflict"));
  const box = element("p", { class: `utrecht-alert utrecht-alert--${kind} notice` }, sentence);
  if (conflict.surprise === null || conflict.surprise === undefined) return box;
  const meaning = element("p", { class: "hint" }, t("months.surprise", { chance: chance(conflict.surprise) }));
  return element("div", {}, box, meaning);
}

/**
 * The steps from prior to posterior: [{month, moved, up, down}]; moved is the probability that changed scenario (half
 * the sum of all changes), up and down the scenarios that gained and lost most.
 */
export function monthMoves(steps) {
  return steps.slice(1).map(({ month: at, scenarios }, index) => {
    const before = new Map(steps[index].scenarios.map((one) => [one.key, one.probability]));
    const changes = scenarios.map(({ key, probability }) => ({ key, change: probability - (before.get(key) ?? 0) }));
    changes.sort((a, b) => b.change - a.change);
    const moved = changes.reduce((sum, { change }) => sum + Math.abs(change), 0) / 2;
    return { month: at, moved, up: changes[0], down: changes.at(-1) };
  });
}

function monthNodes(steps, names) {
  const moves = monthMoves(steps);
  if (!moves.length) return [];
  const most = moves.reduce((best, one) => (one.moved > best.moved ? one : best));
  const points = (value) => t("weights.points", { points: decimal(100 * value, 1) });
  const words = { month: month(most.month), points: points(most.moved), name: titled(names, most.up.key) };
  const columns = [
    { label: t("months.month") },
    { label: t("months.moved"), numeric: true },
    { label: t("months.up") },
    { label: t("months.down") },
  ];
  const cell = ({ key, change }) => `${titled(names, key)} (${t("weights.points", { points: signed(100 * change, 1) })})`;
  const rows = moves.map((one) => [month(one.month), points(one.moved), cell(one.up), cell(one.down)]);
  return [
    element("p", { class: "utrecht-paragraph", id: "months-summary" }, t("months.summary", words)),
    table({ caption: t("months.caption"), columns, rows, stacks: true }),
    everyStep(steps, names),
  ];
}

/** The whole way in numbers, folded away: wide with many scenarios, so that it scrolls by itself. */
function everyStep(steps, names) {
  const keys = steps[0].scenarios.map(({ key }) => key);
  const columns = [{ label: t("months.month") }, ...keys.map((key) => ({ label: titled(names, key), numeric: true }))];
  const rows = steps.map(({ month: at, scenarios }) => [at ? month(at) : t("months.start"), ...scenarios.map((one) => chance(one.probability))]);
  const made = table({ caption: t("months.every"), columns, rows });
  const scrolled = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("months.every") }, made);
  return element("details", { id: "months-every" }, element("summary", {}, t("months.show")), scrolled);
}

/** rows: [{kind, key, minimum, median, medio, maximum}] of one year, in persons. */
export function leftOutTable(rows, names, caption) {
  const columns = [{ label: t("leftOut.part") }, ...SCENARIOS.map((name) => ({ label: t(`scenario.${name}`), numeric: true }))];
  const title = ({ kind, key }) => (kind === "expert" ? t("leftOut.expert", { name: names.get(key) ?? key }) : titled(names, key));
  const body = rows.map((row) => [title(row), ...SCENARIOS.map((name) => signed(row[name], 0))]);
  return table({ caption, columns, rows: body, stacks: true });
}

/** The effects in one shape, whether of a forecast (a row per year) or of a set's density (years inside). */
export const leftOutOf = (effects, year) =>
  (effects ?? []).flatMap((one) => (one.years ? one.years.map((row) => ({ ...one, ...row })) : [one])).filter((row) => row.year === year);
