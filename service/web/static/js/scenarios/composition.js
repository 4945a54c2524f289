// A scenario's own composition by nationality: shares of the year's inflow, the rest as the model has it, and how firmly
// the shares are meant (a Dirichlet concentration: 50 is as firm as fifty people told apart).

import { element } from "../dom.js";
import { percent, place, t } from "../i18n.js";
import { button, check, fold } from "./controls.js";
import { setIn } from "./document.js";

const FIRST = { shares: { SY: 0.3 }, concentration: 50 };
// What asks for protection in the Netherlands most; the field takes any code of two letters.
const OFFERED = ["SY", "TR", "YE", "SO", "ER", "AF", "IQ", "IR", "DZ", "MA", "UA", "VE", "CO", "NG", "ET", "SD", "PK", "EG", "TN", "PS"];

export const sumOf = (composition) => Object.values(composition.shares).reduce((sum, share) => sum + share, 0);

/** page: as the cards have it; path leads to a scenario. */
export function compositionFold(page, path, scenario, name) {
  const at = [...path, "composition"];
  const id = `composition-${path.join("-")}`;
  const stated = Boolean(scenario.composition);
  const toggle = (on) => page.change(setIn(page.current(), at, on ? FIRST : undefined));
  const parts = [element("p", { class: "hint" }, t("composition.hint")), check(t("composition.use"), stated, `${id}-use`, toggle)];
  if (stated) parts.push(...shareRows(page, at, scenario.composition, name, id), firmness(page, at, name));
  return fold(id, t("composition.heading"), page.open, ...parts);
}

function shareRows(page, at, { shares }, name, id) {
  const rows = Object.keys(shares).map((citizen) => shareRow(page, at, citizen, name, Object.keys(shares).length > 1));
  const sum = element("p", { class: "hint", id: `${id}-sum`, role: "status" }, restText(shares));
  return [...rows, addition(page, at, shares, id, name), sum];
}

function restText(shares) {
  const sum = sumOf({ shares });
  return sum > 1 + 1e-9 ? t("composition.over", { sum: percent(sum, 1) }) : t("composition.rest", { rest: percent(1 - sum, 1) });
}

/** After an edit that changes no controls only the sentence about the rest is written anew. */
export function syncCompositions(set) {
  for (const [index, { composition }] of set.scenarios.entries()) {
    const node = document.getElementById(`composition-scenarios-${index}-sum`);
    if (composition && node) node.textContent = restText(composition.shares);
    node?.classList.toggle("field-error", Boolean(composition) && sumOf(composition) > 1 + 1e-9);
  }
}

function shareRow(page, at, citizen, name, removable) {
  const words = { citizen: place(citizen), name };
  const field = page.form.number([...at, "shares", citizen], {
    label: place(citizen),
    name: t("composition.shareOf", words),
    kind: "percent",
    unit: "%",
    slider: { min: 0, max: 1, step: 0.01 },
  });
  const drop = () => page.change(setIn(page.current(), [...at, "shares", citizen], undefined));
  return element("div", { class: "composition__share" }, field, removable ? button(t("card.drop"), drop, { kind: "subtle", name: t("composition.drop", words) }) : null);
}

function addition(page, at, shares, id, name) {
  const input = element("input", { class: "utrecht-textbox composition__code", id: `${id}-code`, list: `${id}-codes`, maxlength: 16, autocomplete: "off", "aria-describedby": `${id}-fault` });
  const fault = element("p", { class: "field-error", id: `${id}-fault`, role: "alert" });
  const options = OFFERED.filter((code) => !(code in shares)).map((code) => element("option", { value: code }, place(code)));
  const add = () => {
    const code = input.value.trim().toUpperCase();
    const wrong = !/^[A-Z][A-Z0-9_]{1,15}$/.test(code) || code === "TOTAL" ? "composition.code" : code in shares ? "composition.twice" : null;
    fault.textContent = wrong ? t(wrong) : "";
    if (!wrong) page.change(setIn(page.current(), [...at, "shares", code], 0.1), null, `${id}-code`);
  };
  const label = element("label", { class: "utrecht-form-label", for: `${id}-code` }, t("composition.add"));
  const row = element("div", { class: "composition__add" }, input, button(t("composition.addButton"), add, { name: t("composition.addName", { name }), id: `${id}-add` }));
  return element("div", { class: "line" }, label, row, element("datalist", { id: `${id}-codes` }, ...options), fault);
}

function firmness(page, at, name) {
  return element(
    "div",
    {},
    page.form.number([...at, "concentration"], { label: t("composition.firm"), name: t("composition.firmOf", { name }), kind: "firmness", slider: { min: 1, max: 500, step: 1 } }),
    element("p", { class: "hint" }, t("composition.firmHint")),
  );
}
