// Sentences that the service wrote: every one is shown in the reader's language where the service has it in both, else
// in its English, marked as such. The page has no wording of its own for what the service finds or refuses.

import { element } from "./dom.js";
import { language } from "./i18n.js";

/** item: {detail, detailNl?}; its sentence as text, where a place for text is all there is. */
export function worded({ detail, detailNl }) {
  return (language() === "nl" && detailNl) || detail || "";
}

/** item: {detail, detailNl?}; a span with its sentence, `before` (a place in a file, say) in front of it. */
export function said({ detail, detailNl }, before = "") {
  const dutch = language() === "nl";
  return element("span", dutch && !detailNl ? { lang: "en" } : {}, before + ((dutch && detailNl) || detail));
}
