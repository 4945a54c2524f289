// An entry about policy and the acceptance rates. One that tries a change: what it shifts for whom from when, and what
// that did to the rate of the total per quarter. One that declares a break: for whom, from when, what size is expected.

import { element } from "../dom.js";
import { decimal, place, signed, t } from "../i18n.js";
import { table } from "../tables.js";

export const isPolicy = ({ subject }) => subject.startsWith("acceptance:");

const who = ({ citizen }) => (citizen ? place(citizen) : t("ledger.everyone"));

const isBreak = ({ kind }) => kind === "break";

export const policyTitle = ({ after }) =>
  t(isBreak(after) ? "ledger.break" : "ledger.policy", { who: who(after), quarter: after.quarter });

const evenAfter = ({ shift }) => decimal(100 / (1 + Math.exp(-shift)), 0);

/** Rows for the list of facts. The shift is one in log-odds; what it makes of an even chance says how large that is. */
export function policyFacts({ after, subject }) {
  const size = isBreak(after)
    ? [t("ledger.breakSize"), t("ledger.breakSizeOf", { mean: signed(after.mean, 2), sd: decimal(after.sd, 2) })]
    : [t("ledger.policyShift"), t("ledger.policyShiftOf", { shift: signed(after.shift, 2), even: evenAfter(after) })];
  return [
    [t("ledger.policyWho"), who(after)],
    [t("ledger.policyFrom"), after.quarter],
    size,
    [t("ledger.policyForecast"), element("code", {}, subject.slice("acceptance:".length))],
  ];
}

/** effect: per year the change of the total's rate by quarter, a share. */
export function policyEffect({ after, effect, sequence }) {
  if (isBreak(after)) return [element("p", { class: "hint" }, t("ledger.breakFitted", { number: sequence }))];
  const quarters = Object.values(effect ?? {}).flatMap((byQuarter) => Object.entries(byQuarter));
  quarters.sort(([a], [b]) => a.localeCompare(b));
  if (!quarters.length) return [element("p", { class: "hint" }, t("ledger.policyUnmoved"))];
  const columns = [{ label: t("ledger.quarter") }, { label: t("ledger.policyChange"), numeric: true }];
  const rows = quarters.map(([quarter, change]) => [quarter, signed(100 * change, 2)]);
  const made = table({ caption: t("ledger.policyEffect"), columns, rows, stacks: true });
  made.id = `effect-${sequence}`;
  return [made];
}
