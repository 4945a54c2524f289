// What the parts of a set are called where the service names them by key: scenarios, events, and in a pool its experts.

import { t } from "../i18n.js";

/** Map(key → title); sets: the stored ones, among which the members of a pool are looked up. */
export function partNames(set, sets) {
  const names = new Map([...set.scenarios, ...set.events].map((one) => [one.key, one.label || one.key]));
  for (const [at, member] of (set.pool?.members ?? []).entries()) names.set(`m${at + 1}`, memberName(member, sets));
  return names;
}

export function memberName(member, sets) {
  const found = sets.find((one) => one.id === member.scenarioSet);
  return found ? t("layers.other", { name: found.name, who: found.createdBy }) : member.scenarioSet;
}
