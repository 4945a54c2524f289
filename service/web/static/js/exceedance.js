// The field "chance of more than …": asks the service for one probability and its Monte Carlo error.

import { ServiceError, get } from "./api.js";
import { byId, element, show } from "./dom.js";
import { sentenceFor } from "./failure.js";
import { chance, decimal, parsePersons, persons, t } from "./i18n.js";

let subject = { id: null, year: null };
let answer = null;
let changed = () => undefined;
let asking = null;

/** onAnswer(above | null) tells the density which part to shade. */
export function startExceedance(onAnswer) {
  changed = onAnswer;
  byId("exceedance").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
}

/** Another forecast or year: the question stays, the answer is asked anew; an empty field gets `suggestion`. */
export function setSubject(id, year, suggestion) {
  const fresh = subject.id !== id;
  subject = { id, year };
  if (fresh) byId("exceedance-above").value = persons(suggestion);
  return ask();
}

async function ask() {
  const above = parsePersons(byId("exceedance-above").value);
  markInvalid(above === null);
  answer = null;
  if (above === null) {
    redrawExceedance();
    changed(null);
    return;
  }
  asking?.abort();
  asking = new AbortController();
  const { id, year } = subject;
  try {
    const path = `/forecasts/${encodeURIComponent(id)}/exceedance`;
    answer = await get(path, { year, above }, { signal: asking.signal });
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof ServiceError)) throw error;
    answer = { failed: error.status };
  }
  redrawExceedance();
  changed(answer.failed === undefined ? above : null);
}

function markInvalid(invalid) {
  const field = byId("exceedance-above");
  if (invalid) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  field.classList.toggle("utrecht-textbox--invalid", invalid);
}

export function redrawExceedance() {
  const invalid = byId("exceedance-above").hasAttribute("aria-invalid");
  byId("exceedance-error").textContent = invalid ? t("exceedance.invalid") : "";
  const result = byId("exceedance-result");
  show(result, answer !== null);
  if (answer === null) return result.replaceChildren();
  if (answer.failed !== undefined) return result.replaceChildren(sentenceFor(answer.failed));
  const words = { above: persons(answer.above), year: answer.year };
  const parts = [
    element("strong", { class: "exceedance__number" }, chance(answer.probability)),
    " ",
    element("span", {}, t("exceedance.sentence", words)),
  ];
  if (answer.monteCarloError !== null && answer.monteCarloError !== undefined) {
    const error = decimal(100 * answer.monteCarloError, 2);
    parts.push(" ", element("span", { class: "hint" }, t("exceedance.error", { error })));
  }
  return result.replaceChildren(...parts);
}

/** The typed number in the grouping of the language, after a switch. */
export function regroup() {
  const above = parsePersons(byId("exceedance-above").value);
  if (above !== null) byId("exceedance-above").value = persons(above);
}
