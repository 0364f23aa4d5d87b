/*
 * Keeps what is typed into a form until it is sent, in this tab only: whoever is signed out in between, or reloads the page,
 * finds it again. It ends with the tab, with signing out, after a day, and when somebody else signs in.
 *
 * <div data-keep="WHOSE"> <form> … </form> </div>    kept under the page's address. Never anything hidden or a password.
 *
 * A page that says what was wrong with what was sent shows it itself, so nothing is put in there.
 */

const KEPT = "form:";
const SENT = "form-sent";
const DAY_MS = 24 * 60 * 60 * 1000;
const NEVER = ["hidden", "password", "submit", "button", "file"];
const boxes = (form) => [...form.elements].filter((box) => box.name && !NEVER.includes(box.type));

function forget(whose) {
  for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith(KEPT))) {
    const kept = JSON.parse(sessionStorage.getItem(key));
    if (!(Date.now() - kept.at < DAY_MS) || (whose && kept.whose !== whose)) sessionStorage.removeItem(key);
  }
}

function put(form, answers) {
  for (const box of boxes(form)) {
    const said = answers.filter(([name]) => name === box.name).map(([, value]) => value);
    if (box.type === "checkbox" || box.type === "radio") box.checked = said.includes(box.value);
    else if (said.length) box.value = said[0];
    if (box.checked || box.value !== box.defaultValue) box.closest("details")?.setAttribute("open", "");
  }
}

function keep(form, key, whose) {
  const names = new Set(boxes(form).map((box) => box.name));
  const answers = [...new FormData(form)].filter(([name]) => names.has(name));
  sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), whose, answers }));
}

try {
  const part = document.querySelector("[data-keep]");
  const key = KEPT + location.pathname;
  const sent = sessionStorage.getItem(SENT);
  sessionStorage.removeItem(SENT);
  // Sent and answered by another page, it is done with; answered by "you were signed out", it is not.
  if (sent && sent !== key && document.body.dataset.signedIn) sessionStorage.removeItem(sent);
  forget(part?.dataset.keep);
  const form = part?.querySelector("form");
  if (form) {
    const kept = sessionStorage.getItem(key);
    if (kept && !document.querySelector(".govuk-error-summary")) put(form, JSON.parse(kept).answers);
    form.addEventListener("input", () => keep(form, key, part.dataset.keep));
    form.addEventListener("submit", () => sessionStorage.setItem(SENT, key));
  }
} catch {
  // A browser that keeps nothing: the form is typed again.
}
