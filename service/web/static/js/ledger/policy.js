// An entry that tries a change of policy on the acceptance rates: what it shifts for whom from when, and what that did
// to the rate of the total per quarter.

import { element } from "../dom.js";
import { decimal, place, signed, t } from "../i18n.js";
import { table } from "../tables.js";

export const isPolicy = ({ subject }) => subject.startsWith("acceptance:");

const who = ({ citizen }) => (citizen ? place(citizen) : t("ledger.everyone"));

export const policyTitle = ({ after }) => t("ledger.policy", { who: who(after), quarter: after.quarter });

/** Rows for the list of facts. The shift is one in log-odds; what it makes of an even chance says how large that is. */
export function policyFacts({ after, subject }) {
  const even = 100 / (1 + Math.exp(-after.shift));
  return [
    [t("ledger.policyWho"), who(after)],
    [t("ledger.policyFrom"), after.quarter],
    [t("ledger.policyShift"), t("ledger.policyShiftOf", { shift: signed(after.shift, 2), even: decimal(even, 0) })],
    [t("ledger.policyForecast"), element("code", {}, subject.slice("acceptance:".length))],
  ];
}

/** effect: per year the change of the total's rate by quarter, a share. */
export function policyEffect({ effect, sequence }) {
  const quarters = Object.values(effect ?? {}).flatMap((byQuarter) => Object.entries(byQuarter));
  quarters.sort(([a], [b]) => a.localeCompare(b));
  if (!quarters.length) return [element("p", { class: "hint" }, t("ledger.policyUnmoved"))];
  const columns = [{ label: t("ledger.quarter") }, { label: t("ledger.policyChange"), numeric: true }];
  const rows = quarters.map(([quarter, change]) => [quarter, signed(100 * change, 2)]);
  const made = table({ caption: t("ledger.policyEffect"), columns, rows, stacks: true });
  made.id = `effect-${sequence}`;
  return [made];
}
