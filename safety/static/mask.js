/*
 * Takes what must not stay on a screen off it: after some seconds, and at once when the page is left or put away.
 *
 * <div data-mask data-mask-s="60"> … </div>   is emptied
 * <div data-masked hidden> … </div>           is shown instead
 *
 * Without this script the page's own timed refresh leads away from it.
 */

const hidden = document.querySelector("[data-mask]");
const instead = document.querySelector("[data-masked]");

function mask() {
  hidden.replaceChildren();
  instead.hidden = false;
}

if (hidden && instead) {
  setTimeout(mask, Number(hidden.dataset.maskS) * 1000);
  addEventListener("pagehide", mask);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && mask());
}
