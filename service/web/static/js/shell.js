// What every page shares: language, the mark of development mode, the access code, one place for failures.

import { keepToken, onMode } from "./api.js";
import { byId, show } from "./dom.js";
import { failWith, redrawFailure } from "./failure.js";
import { onLanguage, startLanguage } from "./i18n.js";

/**
 * Starts a page. load() fetches and draws everything, again after signing in; its failures are shown.
 * redraw() writes what scripts wrote in the language just chosen; elements with data-i18n need nothing.
 */
export async function startShell({ load, redraw }) {
  onMode((development) => show(byId("development-mode"), development));
  onLanguage(() => {
    redrawFailure();
    redraw();
  });
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    keepToken(byId("token").value);
    byId("token").value = "";
    load().catch(failWith);
  });
  await startLanguage();
  await load().catch(failWith);
}
