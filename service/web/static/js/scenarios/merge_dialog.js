// The choice per field when two people changed one set: both versions side by side, mine or theirs. What only one of
// them changed is chosen already and can be chosen otherwise; what both changed must be chosen.

import { byId, element } from "../dom.js";
import { persons, t } from "../i18n.js";
import { dialogFault, openDialog } from "./dialog.js";
import { button } from "./controls.js";
import { differences, merged } from "./merge.js";
import { placeName, valueText } from "./words.js";

/** done(set) gets the chosen set; apart(set), where given, keeps mine as a set of its own. */
export function openMerge({ base, mine, theirs, heading, intro, done, apart = null }) {
  const found = differences(base ?? {}, mine, theirs);
  const choices = found.map((one) => one.rule);
  const both = found.filter((one) => one.rule === null).length;
  const everything = (side) => {
    choices.fill(side);
    for (const radio of byId("dialog").querySelectorAll(`input[value=${side}]`)) radio.checked = true;
  };
  const content = [
    element("p", { class: "utrecht-paragraph" }, intro),
    element("p", { class: "utrecht-paragraph" }, both ? t("merge.both", { count: persons(both) }) : t("merge.none")),
    element(
      "div",
      { class: "merge__all" },
      button(t("merge.allMine"), () => everything("mine"), { id: "all-mine" }),
      button(t("merge.allTheirs"), () => everything("theirs"), { id: "all-theirs" }),
    ),
    ...found.map((one, index) => row(one, index, [mine, theirs, base], choices)),
  ];
  const take = () => {
    const open = choices.indexOf(null);
    if (open >= 0) {
      dialogFault(t("merge.open", { count: persons(choices.filter((choice) => choice === null).length) }));
      byId(`merge-${open}-mine`).focus();
      return;
    }
    done(merged(theirs, mine, found, (one) => choices[found.indexOf(one)]));
  };
  const actions = [[t("merge.take"), take, "primary-action", "merge-take"]];
  if (apart) actions.push([t("merge.apart"), () => apart(mine), "secondary-action", "merge-apart"]);
  openDialog({ heading, content, wide: true, actions });
}

function row(one, index, sets, choices) {
  const name = placeName(one.path, sets);
  const side = (kind, value) => {
    const id = `merge-${index}-${kind}`;
    const radio = element("input", { type: "radio", name: `merge-${index}`, id, value: kind, checked: choices[index] === kind });
    radio.addEventListener("change", () => {
      choices[index] = kind;
    });
    const words = element("span", {}, element("span", { class: "merge__who" }, t(`merge.${kind}`)), element("span", { class: "merge__value" }, valueText(one.path, value)));
    return element("label", { class: "merge__side", for: id }, radio, words);
  };
  const was = element("p", { class: "hint merge__was" }, t("merge.was", { value: valueText(one.path, one.base) }));
  const kind = one.rule === null ? "merge__row merge__row--both" : "merge__row";
  const flag = one.rule === null ? element("span", { class: "merge__flag" }, t("merge.clash")) : null;
  return element(
    "fieldset",
    { class: kind },
    element("legend", { class: "utrecht-form-label" }, name, " ", flag),
    was,
    element("div", { class: "merge__sides" }, side("mine", one.mine), side("theirs", one.theirs)),
  );
}
