// The one EventSource of the tab: applies frames, notices silence, greys the page, counts down, comes back.
import { applyCells, growAges, replaceRegion } from "./cells.js";
import { duration, moment } from "./ages.js";

const SILENCE_MS = 6000; // the kernel beats every 2 s
const WAITS_S = [1, 2, 4, 8, 10];
const REGION_EVERY_MS = 2000;

let source = null;
let heardAt = performance.now();
let lostSince = 0;
let tries = 0;
let retryAt = 0;
let isRetrying = false;
let isLoggedOut = false;
const waiting = new Set();
let regionsAt = 0;
let isFetching = false;

const root = document.documentElement;
const byId = (id) => document.getElementById(id);

export function startStream() {
  open();
  setInterval(tick, 250);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
}

function open() {
  source?.close();
  source = new EventSource(`/stream?topics=${encodeURIComponent(document.body.dataset.topics)}`);
  source.onmessage = (message) => { heard(); onFrame(JSON.parse(message.data)); };
  source.addEventListener("beat", heard);
  source.addEventListener("resync", heard);
  source.addEventListener("bye", () => loggedOut());
  source.onerror = () => { source.close(); lose(); };
  heardAt = performance.now();
}

function heard() {
  heardAt = performance.now();
  if (root.dataset.stream === "live") return;
  const wasLost = lostSince !== 0;
  root.dataset.stream = "live";
  byId("stream-dot").dataset.state = "live";
  byId("lost").hidden = true;
  lostSince = 0;
  tries = 0;
  document.dispatchEvent(new CustomEvent("streamback", { detail: { wasLost } }));
}

function onFrame(frame) {
  if (frame.topic === "shell" && frame.cells.run && frame.cells.run[0] !== document.body.dataset.run) {
    location.reload(); // another run answers: nothing on this page is about it
    return;
  }
  for (const region of applyCells(frame.cells)) waiting.add(region);
  if (frame.points.length) document.dispatchEvent(new CustomEvent("points", { detail: frame }));
  if (frame.full) document.dispatchEvent(new CustomEvent("fullframe", { detail: frame }));
}

function lose() {
  if (!lostSince) lostSince = Date.now() - Math.max(0, performance.now() - heardAt);
  root.dataset.stream = "lost";
  byId("stream-dot").dataset.state = "lost";
  byId("lost").hidden = false;
  byId("lost-since").textContent = moment(lostSince, "time");
  if (!retryAt) retryAt = performance.now() + 1000 * WAITS_S[Math.min(tries, WAITS_S.length - 1)];
}

function loggedOut() {
  isLoggedOut = true;
  source?.close();
  lose();
  const link = document.createElement("a");
  link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
  link.textContent = "Log in again";
  byId("lost-next").replaceChildren("The session ended or the kernel restarted. ", link);
}

async function retry() {
  isRetrying = true;
  retryAt = 0;
  tries += 1;
  try {
    const answer = await fetch("/data/session", { signal: AbortSignal.timeout(4000) });
    if (answer.status === 401) loggedOut();
    else if (answer.ok) open();
    else lose();
  } catch {
    lose();
  }
  isRetrying = false;
}

function tick() {
  growAges();
  const silent = performance.now() - heardAt;
  const age = byId("stream-age");
  const text = root.dataset.stream === "opening" ? "opening" : duration(silent);
  if (age.textContent !== text) age.textContent = text;
  age.dataset.tone = silent > 3000 ? "warn" : "";
  if (isLoggedOut) return;
  if (root.dataset.stream === "live" && silent > SILENCE_MS) { source.close(); lose(); }
  if (root.dataset.stream === "opening" && silent > SILENCE_MS) { source.close(); lose(); }
  if (retryAt) {
    const left = retryAt - performance.now();
    byId("lost-next").textContent = left > 0 ? `Trying again in ${Math.ceil(left / 1000)} s.` : "Trying now…";
    if (left <= 0 && !isRetrying) retry();
  }
  if (waiting.size && !isFetching && root.dataset.stream === "live" && performance.now() > regionsAt) fetchRegions();
}

// Rows came or went: take the same page again and put in the parts that changed, but never under the pointer.
async function fetchRegions() {
  const due = [...waiting].filter((region) => region.isConnected && !region.matches(":hover, :focus-within"));
  for (const region of waiting) if (!region.isConnected) waiting.delete(region);
  if (!due.length) return;
  isFetching = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(8000) });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = new Map([...page.querySelectorAll("[data-region]")].map((el) => [el.dataset.region, el]));
      for (const region of due) {
        waiting.delete(region);
        const found = fresh.get(region.dataset.region);
        if (found) replaceRegion(region, found);
      }
    }
  } catch {
    // The stream's own watchdog reports a lost connection; these parts stay due.
  }
  isFetching = false;
  regionsAt = performance.now() + REGION_EVERY_MS;
}
