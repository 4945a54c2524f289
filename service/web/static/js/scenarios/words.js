// What a place in the set is called, and how a value there is written, for lists of changes and the merge.

import { decimal, has, named, percent, persons, place, t } from "../i18n.js";

const LEAVES = { probability: percentOf, yearCorrelation: (value) => decimal(value, 2), expected: persons, spread: persons };

function percentOf(value) {
  return percent(value, Number.isInteger(Math.round(1000 * value) / 10) ? 0 : 1);
}

/** path: keys of scenarios and events, not their numbers; sets: where labels are looked up, first found wins. */
export function placeName(path, sets) {
  const [part, key, ...rest] = path;
  if (part !== "scenarios" && part !== "events") return path.map((step) => named("step", step)).join(" · ");
  const subject = labelOf(part, key, sets);
  const kind = t(part === "scenarios" ? "merge.scenario" : "merge.event", { name: subject });
  const steps = rest.map((step, at) => (rest[at - 1] === "probabilityByScenario" ? labelOf("scenarios", step, sets) : stepName(step, rest[at - 1])));
  return [kind, ...steps].join(" · ");
}

function labelOf(part, key, sets) {
  for (const set of sets) {
    const found = set?.[part]?.find((one) => one.key === key);
    if (found) return found.label || key;
  }
  return key;
}

const stepName = (step, under) => (under === "shares" ? place(step) : named("step", step));

export function valueText(path, value) {
  if (value === undefined || value === null || value === "") return t("merge.nothing");
  const last = path.at(-1);
  if (["probabilityByScenario", "shares"].includes(path.at(-2))) return percentOf(value);
  if (typeof value === "number") return (LEAVES[last] ?? ((number) => decimal(number, 2)))(value);
  if (last === "family" && has(`family.${value}`)) return t(`family.${value}`);
  if (last === "spreadMeaning" && has(`spread.${value}`)) return t(`spread.${value}`);
  if (Array.isArray(value)) return value.join("; ") || t("merge.nothing");
  if (typeof value === "object") return wholeText(value);
  return String(value);
}

/** A whole scenario, event or year in one line. */
function wholeText(value) {
  const parts = [];
  if (value.label) parts.push(value.label);
  if (value.probability !== undefined) parts.push(percentOf(value.probability));
  if (value.shares) parts.push(...Object.entries(value.shares).map(([citizen, share]) => `${place(citizen)} ${percentOf(share)}`));
  if (value.expected !== undefined) parts.push(`${persons(value.expected)} ± ${persons(value.spread)}`);
  for (const [year, belief] of Object.entries(value.years ?? {})) {
    parts.push(`${year}: ${persons(belief.expected)} ± ${persons(belief.spread)}`);
  }
  return parts.join(", ");
}
