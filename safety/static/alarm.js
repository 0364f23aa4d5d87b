/*
 * Says that there is a new alert to whoever does not look: a count in the title, and a sound. Off until it is ticked, and kept
 * in this browser only. Without this script there is no box to tick, and the page is refreshed by hand.
 *
 * <div data-alarm="part" hidden> … <input type="checkbox"> … <p data-alarm-says></p> </div>    part: the id of what poll.js keeps
 * <div data-alert="ID" data-taken>                                                             one alert in there
 *
 * The count is of alerts nobody has taken. Neither it nor the sound says anything about anybody.
 */

const KEPT = "alarm";
const box = document.querySelector("[data-alarm]");
const part = box && document.getElementById(box.dataset.alarm);
const tick = box?.querySelector("input");
const says = box?.querySelector("[data-alarm-says]");
const title = document.title;
let known = new Set();
let sound = null;

function kept() {
  try {
    return localStorage.getItem(KEPT) === "on";
  } catch {
    return false;
  }
}

function keep(on) {
  try {
    if (on) localStorage.setItem(KEPT, "on");
    else localStorage.removeItem(KEPT);
  } catch {
    // A browser that keeps nothing: it is ticked again the next time.
  }
}

const alerts = () => [...part.querySelectorAll("[data-alert]")];

function count() {
  const waiting = alerts().filter((alert) => !alert.hasAttribute("data-taken")).length;
  document.title = tick.checked && waiting ? `(${waiting}) ${title}` : title;
}

/* Two short notes, the second higher. */
function ring() {
  if (sound?.state !== "running") return;
  [[660, 0], [880, 0.22]].forEach(([pitch, after]) => {
    const note = sound.createOscillator();
    const loud = sound.createGain();
    const at = sound.currentTime + after;
    note.frequency.value = pitch;
    loud.gain.setValueAtTime(0.0001, at);
    loud.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
    loud.gain.exponentialRampToValueAtTime(0.0001, at + 0.2);
    note.connect(loud).connect(sound.destination);
    note.start(at);
    note.stop(at + 0.22);
  });
}

function say() {
  if (!tick.checked) says.textContent = "Sound and title are off.";
  else if (!sound) says.textContent = "The title counts. This browser can make no sound here.";
  else if (sound.state === "running") says.textContent = "Sound and title are on.";
  else says.textContent = "The title counts. The sound waits: browsers keep a page silent until you press something on it.";
}

async function wake() {
  if (!tick.checked) return;
  try {
    sound ??= new AudioContext();
    sound.onstatechange = say;
    if (sound.state !== "running") await Promise.race([sound.resume(), new Promise((done) => setTimeout(done, 500))]);
  } catch {
    sound = null;
  }
  say();
}

function changed() {
  const now = alerts().map((alert) => alert.dataset.alert);
  if (tick.checked && now.some((id) => !known.has(id))) ring();
  known = new Set(now);
  count();
}

function set(on) {
  tick.checked = on;
  // A page nobody looks at is asked for as well: that is what the sound is for.
  part.toggleAttribute("data-poll-unseen", on);
  count();
  say();
}

if (part && tick) {
  known = new Set(alerts().map((alert) => alert.dataset.alert));
  set(kept());
  wake();
  box.hidden = false;
  tick.addEventListener("change", async () => {
    keep(tick.checked);
    set(tick.checked);
    await wake();
    if (tick.checked) ring();
  });
  ["pointerdown", "keydown"].forEach((kind) => addEventListener(kind, () => sound?.state !== "running" && wake()));
  new MutationObserver(changed).observe(part, { childList: true });
}
