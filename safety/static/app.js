/*
 * Starts GOV.UK Frontend, and looks again at a page the browser took out of its memory: after signing out, pressing Back
 * must not show what a person had on the screen.
 *
 * <body data-signed-in="ask">     asks whether the person is still signed in, and reloads the page if not
 * <body data-signed-in="reload">  always reloads: for a page that may show where somebody is
 */

import { initAll } from "./govuk/govuk-frontend.min.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();

addEventListener("pageshow", async (event) => {
  const guard = document.body.dataset.signedIn;
  if (!event.persisted || !guard) return;
  if (guard === "reload") {
    document.body.hidden = true;
    location.reload();
    return;
  }
  try {
    const answer = await fetch("/still-signed-in", { cache: "no-store", redirect: "manual", headers: { "X-Poll": "1" } });
    if (answer.status !== 204) location.reload();
  } catch {
    // No signal: what was typed here is worth more than a look at the server that cannot be had.
  }
});
