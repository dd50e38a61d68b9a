// Forms that ask for a reason before they post. The server checks role, token and reason again.
import { show, toast } from "./dialogs.js";

const dialog = document.getElementById("ask-dialog");
let asked = null;

if (dialog) {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.ask");
    if (!form) return;
    event.preventDefault();
    asked = form;
    document.getElementById("ask-title").textContent = form.dataset.ask;
    document.getElementById("ask-text").textContent = form.dataset.text;
    dialog.querySelector("form").reset();
    show(dialog);
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.querySelector("form").addEventListener("submit", onYes);
}

async function onYes(event) {
  event.preventDefault();
  const button = document.getElementById("ask-yes");
  button.disabled = true;
  const fields = new URLSearchParams(new FormData(asked));
  fields.set("reason", event.target.elements.reason.value);
  const error = await post(asked.getAttribute("action"), fields);
  button.disabled = false;
  const failed = dialog.querySelector(".failed");
  failed.textContent = error;
  failed.hidden = !error;
  if (error) return;
  dialog.close();
  toast("Recorded. The page follows as soon as the kernel has acted.", "");
}

async function post(url, body) {
  try {
    const answer = await fetch(url, { method: "POST", body, headers: { "x-csrf-token": document.body.dataset.csrf, accept: "application/json" }, signal: AbortSignal.timeout(8000) });
    return answer.ok ? "" : (await answer.text()) || `refused (${answer.status})`;
  } catch {
    return "The kernel did not answer.";
  }
}
