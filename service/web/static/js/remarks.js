// Remarks of the service on figures: a code with parameters, for which the page has a text in both languages.

import { element } from "./dom.js";
import { has, named, t } from "./i18n.js";

/** remark: {code, parameters, detail}; an item of a list, in the service's English where the page has no text for it. */
export function remarkItem({ code, parameters, detail }) {
  const key = `remark.${code}`;
  if (!has(key)) return element("li", { lang: "en" }, detail);
  // Those of a total say which of its series they are about.
  const about = parameters?.component ? `${named("series", parameters.component)}: ` : "";
  return element("li", {}, about + t(key, parameters));
}
