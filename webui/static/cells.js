// Named cells: the server sends text, this puts it in its place. Nothing is ever parsed as HTML from the stream.
import { duration, STALE_MS, writeMoment, writeMoments } from "./ages.js";

const ATTRIBUTES = new Set(["points", "width", "x", "data-kill", "data-version", "data-mode", "data-db", "data-ms", "data-state"]);
const places = new Map(); // key -> [{el, attr, region}]
const latest = new Map(); // key -> last cell received
const ages = new Map(); // element -> {ms, at}
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function bindCells(root) {
  for (const el of root.querySelectorAll("[data-cell]")) {
    const attr = el.dataset.attr || "";
    if (attr && !ATTRIBUTES.has(attr)) continue;
    place(el.dataset.cell, el, attr);
    if (el.dataset.age !== undefined) ages.set(el, { ms: Number(el.dataset.age), at: performance.now() });
  }
  for (const el of root.querySelectorAll("[data-cell-width]")) place(el.dataset.cellWidth, el, "width");
  writeMoments(root);
}

function place(key, el, attr) {
  if (!places.has(key)) places.set(key, []);
  const region = attr === "data-version" ? null : el.closest("[data-region]");
  places.get(key).push({ el, attr, region });
}

function forget(root) {
  for (const [key, list] of places) {
    const kept = list.filter((each) => !root.contains(each.el) || each.el === root);
    if (kept.length) places.set(key, kept); else places.delete(key);
  }
  for (const el of ages.keys()) if (root.contains(el)) ages.delete(el);
}

export function applyCells(cells) {
  const stale = [];
  for (const [key, cell] of Object.entries(cells)) {
    latest.set(key, cell);
    if (!key.startsWith("v.")) continue;
    for (const { el } of places.get(key) || []) {
      if (el.dataset.version !== cell[0]) { el.dataset.pending = ""; stale.push(el); } else delete el.dataset.pending;
    }
  }
  for (const [key, cell] of Object.entries(cells)) {
    if (key.startsWith("v.")) continue;
    for (const each of places.get(key) || []) write(each, cell, true);
  }
  return stale;
}

// A region whose rows changed is frozen until its new HTML is here: its cells go by place in the list.
function write({ el, attr, region }, [text, tone, hint, age], isLive) {
  if (region && region.dataset.pending !== undefined) return;
  if (attr) {
    if (el.getAttribute(attr) !== text) el.setAttribute(attr, text);
    if (attr === "data-ms") writeMoment(el);
    if (attr === "data-state" && el.classList.contains("dot")) el.title = hint ? `${text}: ${hint}` : text;
    return;
  }
  if (age !== null && age !== undefined) ages.set(el, { ms: age, at: performance.now() }); else ages.delete(el);
  if (el.textContent !== text) {
    el.textContent = text;
    if (isLive && el.dataset.flash !== undefined && !calm.matches) {
      el.animate([{ backgroundColor: "var(--raised)" }, { backgroundColor: "transparent" }], 150);
    }
  }
  if (tone) el.dataset.tone = tone; else delete el.dataset.tone;
  if (hint) el.title = hint; else el.removeAttribute("title");
}

export function replaceRegion(region, fresh) {
  forget(region);
  region.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
  region.dataset.version = fresh.dataset.version;
  delete region.dataset.pending;
  bindCells(region);
  document.dispatchEvent(new CustomEvent("regionreplaced", { detail: region }));
  const known = latest.get(region.dataset.cell);
  if (!known || known[0] !== fresh.dataset.version) return;
  for (const [key, list] of places) {
    for (const each of list) if (each.region === region && latest.has(key)) write(each, latest.get(key), false);
  }
}

export function growAges() {
  const now = performance.now();
  for (const [el, { ms, at }] of ages) {
    const age = ms + now - at;
    const text = duration(age);
    if (el.textContent !== text) el.textContent = text;
    if (age > STALE_MS) el.dataset.tone = "warn"; else delete el.dataset.tone;
  }
}
