// Asks for the password or access token again where the server wants it, then repeats the request once.
//   const answer = await withReauth(() => fetch(url, options));
// Cancelled: the first answer (403 reauth_required) comes back, so callers need no case of their own.
const NEEDED = "reauth_required";
let asking = null; // one dialog, however many requests wait for it

export async function withReauth(send) {
  const answer = await send();
  if (answer.status !== 403 || answer.headers.get("x-refusal") !== NEEDED) return answer;
  asking ??= ask(answer.headers.get("x-reauth-with") === "password").finally(() => { asking = null; });
  return (await asking) ? send() : answer;
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Resolves true when the server believed it, false when the dialog was closed.
function ask(isPassword) {
  const word = isPassword ? "password" : "access token";
  const secret = element("input", { name: "secret", type: "password", required: "", maxlength: "512", autocomplete: isPassword ? "current-password" : "off" });
  const failed = element("p", { class: "failed", role: "alert", hidden: "" });
  const cancel = element("button", { type: "button" }, "Cancel");
  const confirm = element("button", { class: "primary" }, "Confirm");
  const form = element("form", { method: "dialog" },
    element("h2", { id: "reauth-title" }, "Confirm it is you"),
    element("p", {}, `This needs your ${word} again.`),
    element("label", {}, `${isPassword ? "Password" : "Access token"} `, secret),
    failed,
    element("div", { class: "row" }, cancel, confirm));
  const dialog = element("dialog", { id: "reauth-dialog", "aria-labelledby": "reauth-title" }, form);
  let isProved = false;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    const error = await prove(secret.value);
    confirm.disabled = false;
    isProved = !error;
    secret.value = "";
    failed.textContent = error;
    failed.hidden = !error;
    if (isProved) dialog.close();
    else secret.focus();
  });
  cancel.addEventListener("click", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  secret.focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => { dialog.remove(); resolve(isProved); }, { once: true }));
}

async function prove(secret) {
  try {
    const answer = await fetch("/reauth", {
      method: "POST",
      body: new URLSearchParams({ secret }),
      headers: { "x-csrf-token": document.body.dataset.csrf, accept: "application/json" },
      signal: AbortSignal.timeout(15000),
    });
    return answer.ok ? "" : (await answer.text()) || `refused (${answer.status})`;
  } catch {
    return "The kernel did not answer.";
  }
}
