// g o, g 1-9, g d/f/t/p, / search, ? help, k kill. Never while typing, never with a modifier.
import { openKill, show } from "./dialogs.js";

const TABS = { d: "dashboard", f: "performance", t: "trades", p: "positions" };
const CHORD_MS = 1200;
const byId = (id) => document.getElementById(id);
let chordUntil = 0;

export function startKeyboard() {
  document.addEventListener("keydown", onKey);
  byId("open-help").addEventListener("click", () => show(byId("help-dialog")));
  for (const id of ["open-search", "open-search-phone"]) byId(id).addEventListener("click", openSearch);
  startSearch();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea") || document.querySelector("dialog[open]")) return;
  if (performance.now() < chordUntil) {
    chordUntil = 0;
    const target = chordTarget(event.key);
    if (target) { event.preventDefault(); location.href = target; }
    return;
  }
  if (event.key === "g") chordUntil = performance.now() + CHORD_MS;
  else if (event.key === "/") { event.preventDefault(); openSearch(); }
  else if (event.key === "?") show(byId("help-dialog"));
  else if (event.key === "k") { event.preventDefault(); openKill(); }
}

function chordTarget(key) {
  if (key === "o") return "/";
  if (/^[1-9]$/.test(key)) return document.querySelectorAll(".rail .navlink:not(.system)")[Number(key)]?.href;
  const current = document.querySelector(".rail .navlink[aria-current]:not(.system)");
  if (TABS[key] && current && current.pathname !== "/") return current.pathname.replace(/[^/]+$/, TABS[key]);
  return null;
}

function openSearch() {
  const input = byId("search-input");
  input.value = "";
  filter();
  show(byId("search-dialog"));
  input.focus();
}

function startSearch() {
  const input = byId("search-input");
  input.addEventListener("input", filter);
  input.addEventListener("keydown", (event) => {
    const shown = links().filter((link) => !link.parentElement.hidden);
    const at = shown.findIndex((link) => link.ariaSelected === "true");
    if (event.key === "Enter") { event.preventDefault(); if (shown[at]) location.href = shown[at].href; }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      select(shown, Math.max(0, Math.min(shown.length - 1, at + (event.key === "ArrowDown" ? 1 : -1))));
    }
  });
}

const links = () => [...byId("search-list").querySelectorAll("a")];

function filter() {
  const words = byId("search-input").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const link of links()) {
    const text = link.textContent.toLowerCase();
    link.parentElement.hidden = !words.every((word) => text.includes(word));
  }
  select(links().filter((link) => !link.parentElement.hidden), 0);
}

function select(shown, at) {
  for (const link of links()) link.ariaSelected = "false";
  if (shown[at]) { shown[at].ariaSelected = "true"; shown[at].scrollIntoView({ block: "nearest" }); }
}
