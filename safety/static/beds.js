/*
 * Counts beds up and down without asking the server. Without this script each press of - or + sends the form, which counts.
 *
 * <form data-beds> <button data-box="ID of a box" data-by="1"> … <button data-beds-same> <button data-beds-save> </form>
 *
 * A form where a figure differs from what it was has data-changed: by it app.css shows one of the two buttons, and poll.js
 * leaves the part of the page around it alone.
 */

function weigh(form) {
  const changed = [...form.querySelectorAll("[data-was]")].some((box) => box.value.trim() !== box.dataset.was);
  form.toggleAttribute("data-changed", changed);
  form.querySelector("[data-beds-save]").classList.toggle("govuk-button--secondary", !changed);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-beds] [data-box]");
  if (!button) return;
  event.preventDefault();
  const box = document.getElementById(button.dataset.box);
  const number = /^[0-9]{1,2}$/.test(box.value.trim()) ? Number(box.value) : 0;
  box.value = String(Math.min(99, Math.max(0, number + Number(button.dataset.by))));
  weigh(button.form);
});

document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-beds]");
  if (form) weigh(form);
});
