// How much the experts weigh against the model: part of the what-if and of the next forecast, not of the set.

import { byId, element, show } from "../dom.js";
import { t } from "../i18n.js";
import { makeForm } from "./fields.js";

let form = null;

export function drawWeight(view, work, change) {
  const host = byId("weight");
  show(host, Boolean(view.forecast));
  form = makeForm({
    read: () => work().expertWeight,
    edit: (_, value, gesture) => change(value, gesture),
    finish: () => undefined,
  });
  const field = form.number(["expertWeight"], {
    label: t("weight.label"),
    kind: "percent",
    unit: "%",
    slider: { min: 0, max: 1, step: 0.01 },
  });
  host.replaceChildren(field, element("p", { class: "hint" }, t("weight.hint")));
  form.sync(true);
}

export const syncWeight = () => form?.sync();
