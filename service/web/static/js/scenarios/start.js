// The set that a page without a stored one starts with: two scenarios, in the round that is being worked on.

import { latest } from "../chooser.js";
import { t } from "../i18n.js";
import { emptySet } from "./document.js";

/** A new set most often joins the round that the latest forecast is about. */
export function firstSet(forecasts) {
  const cutoff = latest(forecasts)?.request.cutoff ?? new Date().toISOString().slice(0, 10);
  return emptySet(cutoff, { name: t("sets.newName"), first: t("sets.first"), second: t("sets.second") });
}
