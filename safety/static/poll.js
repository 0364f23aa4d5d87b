/*
 * Keeps a part of a page up to date. Without this script the page is refreshed by hand and shows the same.
 *
 * <div data-poll="/address" data-poll-s="10"> … </div>    its contents are replaced by what the address answers
 * <p data-poll-age></p>                                   says how old they are; inside the part, or once anywhere on the page
 *
 * Asks only while the page can be seen, or the part has data-poll-unseen. Never takes the cursor away: while it is in a box inside the part, or something
 * there was changed and not sent (data-changed), nothing is replaced and the age says that something new is waiting. Asking keeps nobody signed in; whoever is signed out by now, or
 * whose page is over, gets the page anew.
 */

const time = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/London", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const short = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/London", hour: "2-digit", minute: "2-digit" });
const OVER = [401, 404, 410];
const PATIENCE_MS = 20000;

function follow(part) {
  const every = Math.max(2, Number(part.dataset.pollS) || 10) * 1000;
  let tag = null;
  let known = new Date();
  let timer = 0;
  let asking = false;

  function say(words, stale) {
    const age = part.querySelector("[data-poll-age]") || document.querySelector("[data-poll-age]");
    if (!age) return;
    age.textContent = words;
    age.toggleAttribute("data-stale", stale);
  }

  function put(html) {
    const held = part.contains(document.activeElement) ? document.activeElement : null;
    if (part.querySelector("[data-changed]")) return false;
    if (held && (held.matches("input, select, textarea, [contenteditable]") || !held.id)) return false;
    part.innerHTML = html;
    if (held) document.getElementById(held.id)?.focus({ preventScroll: true });
    return true;
  }

  async function ask() {
    const headers = { "X-Poll": "1" };
    if (tag) headers["If-None-Match"] = tag;
    const answer = await fetch(part.dataset.poll, {
      headers, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.type === "opaqueredirect" || OVER.includes(answer.status)) {
      location.reload();
      return;
    }
    if (answer.status !== 200 && answer.status !== 304) throw new Error(String(answer.status));
    if (answer.status === 200) {
      const html = await answer.text();
      if (!put(html)) {
        say("Something has changed. Send what you changed, or refresh the page, to see what.", true);
        return;
      }
      tag = answer.headers.get("ETag");
    }
    known = new Date();
    say(`Last checked ${time.format(known)}`, false);
  }

  async function tick() {
    clearTimeout(timer);
    if (asking) return;
    if (document.visibilityState === "visible" || part.hasAttribute("data-poll-unseen")) {
      asking = true;
      try {
        await ask();
      } catch {
        say(`No signal – showing what we knew at ${short.format(known)}`, true);
      }
      asking = false;
    }
    timer = setTimeout(tick, every);
  }

  timer = setTimeout(tick, every);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && tick());
}

document.querySelectorAll("[data-poll]").forEach(follow);
