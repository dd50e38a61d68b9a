// Kill, reset, confirm, toasts. What stops or starts trading is held down, given a reason, or confirmed.
const csrf = () => document.body.dataset.csrf;
const byId = (id) => document.getElementById(id);

export function startDialogs() {
  for (const id of ["open-kill", "open-kill-phone"]) byId(id).addEventListener("click", openKill);
  byId("open-reset").addEventListener("click", () => show(byId("reset-dialog")));
  for (const dialog of [byId("kill-dialog"), byId("reset-dialog")]) startHold(dialog);
  document.addEventListener("submit", onCommand);
  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("tr[data-href]");
    if (row && !event.target.closest("a, button") && !getSelection().toString()) location.href = row.dataset.href;
  });
}

export function openKill() {
  if (document.body.dataset.kill === "on") toast("The kill switch is already on.", "");
  else show(byId("kill-dialog"));
}

export function show(dialog) {
  if (document.querySelector("dialog[open]")) return;
  dialog.querySelector(".failed")?.setAttribute("hidden", "");
  dialog.showModal();
}

export function toast(text, tone) {
  const el = document.createElement("div");
  el.className = "toast";
  el.dataset.tone = tone;
  el.textContent = text;
  byId("toasts").append(el);
  setTimeout(() => el.remove(), 5000);
}

async function post(url, fields) {
  const body = new URLSearchParams(fields);
  try {
    const answer = await fetch(url, { method: "POST", body, headers: { "x-csrf-token": csrf(), accept: "application/json" }, signal: AbortSignal.timeout(8000) });
    return answer.ok ? "" : (await answer.text()) || `refused (${answer.status})`;
  } catch {
    return "The kernel did not answer. If you must stop it now, stop the process.";
  }
}

function startHold(dialog) {
  const form = dialog.querySelector("form");
  const button = dialog.querySelector(".hold");
  const bar = button.querySelector("progress");
  const reason = form.elements.reason;
  const failed = dialog.querySelector(".failed");
  const needMs = Number(button.dataset.holdMs);
  let since = 0;

  const stop = () => { since = 0; bar.value = 0; };
  const step = async () => {
    if (!since) return;
    const held = performance.now() - since;
    bar.value = Math.min(100, 100 * held / needMs);
    if (held < needMs) { requestAnimationFrame(step); return; }
    stop();
    button.disabled = true;
    const error = await post(form.dataset.post, { reason: reason.value });
    button.disabled = false;
    failed.textContent = error;
    failed.hidden = !error;
    if (!error) { dialog.close(); form.reset(); }
  };
  const start = () => {
    if (since || button.disabled || !form.reportValidity()) return;
    since = performance.now();
    requestAnimationFrame(step);
  };
  button.addEventListener("pointerdown", (event) => { if (event.button === 0) start(); });
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, stop);
  button.addEventListener("keydown", (event) => { if ((event.key === "Enter" || event.key === " ") && !event.repeat) { event.preventDefault(); start(); } });
  button.addEventListener("keyup", stop);
  form.addEventListener("submit", (event) => { event.preventDefault(); button.focus(); });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
}

// start / pause / stop: sent without leaving the page; stop asks first. Without this script the form just posts.
async function onCommand(event) {
  const form = event.target.closest("form.commands");
  if (!form) return;
  event.preventDefault();
  const word = event.submitter.value;
  const name = form.dataset.strategy;
  if (word === "stop" && !(await confirmed(`Stop ${name}?`, "It gets no more events and its open orders are cancelled. Positions stay."))) return;
  const error = await post(form.action, { command: word });
  toast(error || `${word} sent to ${name}`, error ? "loss" : "");
}

function confirmed(title, text) {
  const dialog = byId("confirm-dialog");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
