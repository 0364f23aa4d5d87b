/*
 * Keeps what is typed into a form until it is sent, in this tab only: whoever is signed out in between, or reloads the page,
 * finds it again. It never leaves the tab: it ends with it, with signing out, or after a day.
 *
 * <div data-keep> <form> … </form> </div>    what is in the form is kept under the address of the page
 *
 * A page that answers with what was sent (data-keep="sent") is believed instead, and so is a page that answers another form.
 */

const KEPT = "form:";
const DAY_MS = 24 * 60 * 60 * 1000;
const SECRET = ["hidden", "password", "submit", "button", "file"];

const boxes = (form) => [...form.elements].filter((box) => box.name && !SECRET.includes(box.type));
const ticked = (box) => box.type === "checkbox" || box.type === "radio";

function forgetOld() {
  for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith(KEPT))) {
    const kept = JSON.parse(sessionStorage.getItem(key));
    if (!(Date.now() - kept.at < DAY_MS)) sessionStorage.removeItem(key);
  }
}

function put(form, answers) {
  for (const box of boxes(form)) {
    const said = answers.filter(([name]) => name === box.name).map(([, value]) => value);
    if (ticked(box)) box.checked = said.includes(box.value);
    else if (said.length) box.value = said[0];
    if (said.length) box.closest("details")?.toggleAttribute("open", true);
  }
}

function keep(form, key) {
  const names = new Set(boxes(form).map((box) => box.name));
  const answers = [...new FormData(form)].filter(([name, value]) => names.has(name) && typeof value === "string");
  sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), answers }));
}

try {
  forgetOld();
  const part = document.querySelector("[data-keep]");
  const form = part?.querySelector("form");
  const sent = sessionStorage.getItem("form-sent");
  sessionStorage.removeItem("form-sent");
  // A form that was sent is done with once another of our pages answers; asked to sign in, it is not.
  if (sent && document.body.dataset.signedIn && KEPT + location.pathname !== sent) sessionStorage.removeItem(sent);
  if (form) {
    const key = KEPT + location.pathname;
    const kept = sessionStorage.getItem(key);
    if (kept && part.dataset.keep !== "sent") put(form, JSON.parse(kept).answers);
    form.addEventListener("input", () => keep(form, key));
    form.addEventListener("change", () => keep(form, key));
    form.addEventListener("submit", () => sessionStorage.setItem("form-sent", key));
  }
} catch {
  // A browser that keeps nothing: the form is typed again.
}
