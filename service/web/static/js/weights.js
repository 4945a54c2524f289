// The probabilities of the scenarios, before and after the counts, as a table with bars.

import { element } from "./dom.js";
import { chance, named, signed, t } from "./i18n.js";
import { table } from "./tables.js";

/** labels: what the scenario set calls each key. */
export function weightsTable(scenarios, labels) {
  const columns = [
    { label: t("weights.scenario") },
    { label: t("weights.before"), numeric: true },
    { label: t("weights.after"), numeric: true },
    { label: t("weights.change"), numeric: true },
  ];
  const rows = scenarios.map((scenario) => [
    labels.get(scenario.key) ?? named("weights", scenario.key),
    chance(scenario.prior),
    weightBar(scenario),
    t("weights.points", { points: signed(100 * (scenario.posterior - scenario.prior)) }),
  ]);
  return table({ caption: t("weights.caption"), columns, rows, stacks: true });
}

// The bar repeats the number beside it, so it is left out of the accessibility tree.
function weightBar(scenario) {
  const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span", { class: "bar__fill" }));
  bar.firstChild.style.inlineSize = `${100 * scenario.posterior}%`;
  return element("span", { class: "weighed" }, bar, chance(scenario.posterior));
}
