// Operations pages: forms sent without leaving the page, dialogs, sessions, the usage chart.
import { moment } from "./ages.js";
import { toast } from "./dialogs.js";
import { withReauth } from "./reauth.js";

// 24 hours, year-month-day; as on the other charts.
const DAY = "\n{YYYY}-{MM}-{DD}";
const TIMES = [
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", DAY, null, DAY, null, null, null, 1],
];
const SAID = "ops-said"; // what the last change said, shown after the page came anew
const csrf = () => document.body.dataset.csrf;

document.addEventListener("submit", onSubmit);
document.addEventListener("click", onClick);
document.addEventListener("change", onChange);
showSaid();
loadSessions();
for (const box of document.querySelectorAll(".opschart")) startUsage(box);

// Changes -----------------------------------------------------------------------------------------------------------

async function onSubmit(event) {
  const form = event.target.closest("form[data-ops]");
  if (!form) return;
  event.preventDefault();
  if (form.dataset.busy !== undefined) return;
  if (form.dataset.confirm && !(await confirmed(form.dataset.confirm))) { if (form.dataset.onChange !== undefined) form.reset(); return; }
  const body = new URLSearchParams(new FormData(form, event.submitter?.name ? event.submitter : undefined));
  form.dataset.busy = "";
  const { text, answer } = await send(form.action, body);
  delete form.dataset.busy;
  if (text) { refuse(form, text); return; }
  for (const input of form.querySelectorAll("input[type=password]")) input.value = "";
  if (new URL(form.action).pathname === "/logout") { location.href = "/login"; return; }
  if (form.dataset.shows) { reveal(form, answer[form.dataset.shows]); return; }
  sessionStorage.setItem(SAID, answer?.said || "done");
  location.reload();
}

async function send(url, body) {
  const headers = { "x-csrf-token": csrf(), accept: "application/json" };
  try {
    const answer = await withReauth(() => fetch(url, { method: "POST", body, headers, signal: AbortSignal.timeout(30000) }));
    if (!answer.ok) return { text: (await answer.text()) || `refused (${answer.status})` };
    return { text: "", answer: (answer.headers.get("content-type") || "").includes("json") ? await answer.json() : null };
  } catch {
    return { text: "The kernel did not answer; load the page again to see what was done." };
  }
}

function refuse(form, text) {
  if (form.dataset.onChange !== undefined) form.reset();
  const failed = form.querySelector(".failed");
  if (failed) { failed.textContent = text; failed.hidden = false; } else toast(text, "loss");
}

function reveal(form, text) {
  const shown = form.querySelector(".shown");
  shown.querySelector("output").textContent = text;
  shown.hidden = false;
  form.querySelector(".primary").disabled = true;
  form.closest("dialog").addEventListener("close", () => { shown.querySelector("output").textContent = ""; location.reload(); }, { once: true });
}

function showSaid() {
  const text = sessionStorage.getItem(SAID);
  sessionStorage.removeItem(SAID);
  if (text) toast(text, "");
}

function confirmed(text) {
  const dialog = document.getElementById("confirm-dialog");
  document.getElementById("confirm-title").textContent = "Sure?";
  document.getElementById("confirm-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

function onClick(event) {
  const opener = event.target.closest?.("[data-open]");
  if (opener) { openDialog(document.getElementById(opener.dataset.open), opener); return; }
  const closer = event.target.closest?.("[data-close]");
  if (closer) closer.closest("dialog").close();
}

function openDialog(dialog, opener) {
  const form = dialog.querySelector("form");
  form.reset();
  form.querySelector(".failed").hidden = true;
  for (const [key, value] of Object.entries(opener.dataset)) {
    if (!key.startsWith("fill")) continue;
    const input = form.elements[key.slice(4).toLowerCase()];
    input.value = value;
    if (input.name === "name" && form.action.endsWith("/secrets/set")) input.readOnly = value !== "";
  }
  const note = form.querySelector("[data-note]");
  if (note) note.textContent = opener.dataset.note ? `Expected: ${opener.dataset.note}.` : "";
  dialog.showModal();
  [...form.elements].find((each) => each.matches("input:not([type=hidden], [readonly])"))?.focus();
}

function onChange(event) {
  const all = event.target.closest("[data-all]");
  if (all) for (const each of all.form.querySelectorAll("input[name=id]")) each.checked = all.checked;
  event.target.closest("form[data-on-change]")?.requestSubmit();
}

// Sessions ----------------------------------------------------------------------------------------------------------

async function loadSessions() {
  const table = document.getElementById("sessions");
  if (!table) return;
  const body = table.tBodies[0];
  try {
    const answer = await fetch("/data/sessions", { headers: { accept: "application/json" }, signal: AbortSignal.timeout(8000) });
    if (!answer.ok) throw new Error(await answer.text());
    body.replaceChildren(...(await answer.json()).sessions.map(sessionRow));
  } catch {
    body.rows[0].cells[0].textContent = "Not available now: the kernel did not answer.";
  }
}

function sessionRow(session) {
  const row = document.createElement("tr");
  const texts = [session.user, session.role, session.address || "—", moment(session.created_ns / 1e6, "full"), moment(session.seen_ns / 1e6, "full")];
  for (const text of texts) row.insertCell().textContent = text;
  const last = row.insertCell();
  last.className = "acts";
  if (session.is_this) { last.textContent = "this one"; return row; }
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "End";
  button.setAttribute("aria-label", `End the session of ${session.user}`);
  button.addEventListener("click", async () => {
    const { text } = await send("/logout", new URLSearchParams({ session: session.handle }));
    if (text) toast(text, "loss"); else loadSessions();
  });
  last.append(button);
  return row;
}

// Usage -------------------------------------------------------------------------------------------------------------

function probe(name) {
  const element = document.createElement("i");
  element.style.color = `var(--${name})`;
  element.hidden = true;
  document.body.append(element);
  const value = getComputedStyle(element).color;
  element.remove();
  return value;
}

function startUsage(box) {
  const card = box.closest(".card"), host = box.querySelector(".plot"), note = box.querySelector(".chartnote");
  let plot = null, data = null;
  const draw = () => {
    plot?.destroy();
    plot = null;
    if (!data || data.ts.length < 2) return;
    const muted = probe("muted"), line = probe("line");
    const axis = { stroke: muted, font: "11px system-ui, sans-serif", grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } };
    const series = (name) => ({ stroke: probe(name), width: 1.5, points: { show: data.ts.length < 30, size: 4 } });
    plot = new uPlot({
      width: host.clientWidth, height: host.clientHeight, legend: { show: false }, padding: [8, 16, 0, 0],
      scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(1, high)] } },
      axes: [{ ...axis, space: 72, values: TIMES }, { ...axis, size: 56 }], series: [{}, series("info"), series("loss"), series("warn")],
    }, [data.ts, data.calls, data.errors, data.rate_limited], host);
  };
  const load = async (period) => {
    try {
      const answer = await fetch(`${box.dataset.src}?period=${period}`, { signal: AbortSignal.timeout(8000) });
      if (!answer.ok) { note.textContent = `Not available now: ${await answer.text()}`; return; }
      data = await answer.json();
    } catch {
      note.textContent = "Not loaded: the kernel did not answer.";
      return;
    }
    note.textContent = data.ts.length < 2 ? "The line begins with the second hour; counts are written once a minute." : "";
    fillTable(box.querySelector(".chartdata tbody"), data);
    draw();
  };
  for (const button of card.querySelectorAll("button[data-period]")) {
    button.addEventListener("click", () => {
      for (const each of button.parentElement.children) each.setAttribute("aria-pressed", String(each === button));
      load(button.dataset.period);
    });
  }
  document.addEventListener("themechange", draw);
  new ResizeObserver(() => { if (plot && plot.width !== host.clientWidth) plot.setSize({ width: host.clientWidth, height: host.clientHeight }); }).observe(host);
  load("24h");
}

function fillTable(body, data) {
  body.replaceChildren(...data.ts.map((ts, index) => {
    const row = document.createElement("tr");
    const values = [data.calls, data.errors, data.rate_limited].map((list) => list[index]?.toLocaleString("en-US") ?? "—");
    const latency = data.latency_ms[index];
    for (const text of [moment(ts * 1000, "full"), ...values, latency === null ? "—" : latency.toFixed(1)]) {
      const cell = row.insertCell();
      cell.textContent = text;
      cell.className = row.cells.length > 1 ? "r num" : "num";
    }
    return row;
  }).reverse());
}
