// Replays: P&L curves of several runs in one picture, the form's hints and rows, ticks that survive new rows.
import { moment } from "./ages.js";
import { replaceRegion } from "./cells.js";

const INKS = ["info", "warn", "live", "gain", "loss", "muted"]; // in the order of the legend in replays.css
const SETTING_ROWS_MAX = 40;
const TABLE_ROWS_MAX = 200;
const RESULT_AFTER_MS = 700;
const DAY = "\n{YYYY}-{MM}-{DD}";
// As in charts.js: 24 hours, the date where it changes.
const TIMES = [
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", DAY, null, DAY, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", DAY, null, DAY, null, null, null, 1],
];
const charts = new Map();

function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  probe.hidden = true;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function usd(value) {
  const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return value < 0 && text !== "0.00" ? `\u2212${text}` : value > 0 && text !== "0.00" ? `+${text}` : text;
}

class Curves {
  constructor(box) {
    this.box = box;
    this.host = box.querySelector(".plot");
    this.note = box.querySelector(".chartnote");
    this.plot = null;
    this.data = null;
    box.querySelector("details").addEventListener("toggle", () => this.fillTable());
    this.load();
  }

  async load() {
    try {
      const answer = await fetch(this.box.dataset.src, { signal: AbortSignal.timeout(8000) });
      if (!answer.ok) { this.note.textContent = `Not available now: ${await answer.text()}`; return; }
      this.lines = (await answer.json()).lines;
    } catch {
      this.note.textContent = "Not loaded: the kernel did not answer.";
      return;
    }
    const drawn = this.lines.filter((line) => line.ts.length > 1);
    this.note.textContent = drawn.length ? "Simulated. One sample a minute of event time, thinned." : "No curve: a run needs at least two samples.";
    this.lines = drawn.slice(0, INKS.length);
    this.box.querySelector(".lines").replaceChildren(...this.lines.map((line, at) => {
      const entry = document.createElement("span");
      entry.dataset.line = at;
      entry.append(document.createElement("i"), line.label);
      return entry;
    }));
    if (!this.lines.length) return;
    this.data = uPlot.join(this.lines.map((line) => [line.ts, line.usd.map(Number)]));
    this.draw();
    this.fillTable();
  }

  draw() {
    if (!this.data) return;
    this.clear();
    const muted = colour("muted"), grid = colour("line");
    const axis = { stroke: muted, font: "11px system-ui, sans-serif", grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } };
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    this.box.append(tip);
    this.tip = tip;
    this.plot = new uPlot({
      width: this.host.clientWidth,
      height: this.host.clientHeight,
      legend: { show: false },
      cursor: { points: { size: 6 }, drag: { x: true, y: false } },
      scales: { x: { time: true } },
      axes: [{ ...axis, space: 72, size: 36, values: TIMES }, { ...axis, size: 64, gap: 6, space: 26, values: (_, splits) => splits.map((value) => value.toLocaleString("en-US").replace("-", "\u2212")) }],
      series: [{}, ...this.lines.map((line, at) => ({ stroke: colour(INKS[at]), width: 1.5, dash: at % 2 ? [6, 4] : undefined, spanGaps: true, points: { show: false } }))],
      hooks: { setCursor: [(plot) => this.showTip(plot)] },
    }, this.data, this.host);
  }

  showTip(plot) {
    const at = plot.cursor.idx;
    this.tip.hidden = at === null || at === undefined || plot.cursor.left < 0;
    if (this.tip.hidden) return;
    const values = this.lines.map((line, index) => `${line.label}  ${this.data[index + 1][at] === undefined || this.data[index + 1][at] === null ? "no sample" : usd(this.data[index + 1][at])}`);
    this.tip.textContent = [moment(this.data[0][at] * 1000, "full"), ...values].join("\n");
    const left = Math.min(plot.cursor.left + 80, this.box.clientWidth - this.tip.offsetWidth - 4);
    this.tip.style.transform = `translate(${Math.max(0, left)}px, 8px)`;
  }

  clear() {
    this.plot?.destroy();
    this.tip?.remove();
    this.plot = null;
  }

  fit() {
    if (this.plot && this.plot.width !== this.host.clientWidth) this.plot.setSize({ width: this.host.clientWidth, height: this.host.clientHeight });
  }

  fillTable() {
    const details = this.box.querySelector("details");
    if (!details.open || !this.data) return;
    const cell = (tag, text, right) => {
      const el = document.createElement(tag);
      el.textContent = text;
      if (right) el.className = tag === "th" ? "r" : "r num";
      return el;
    };
    details.querySelector("thead tr").replaceChildren(cell("th", "Time"), ...this.lines.map((line) => cell("th", `${line.label} USD`, true)));
    const step = Math.max(1, Math.ceil(this.data[0].length / TABLE_ROWS_MAX));
    const rows = [];
    for (let at = this.data[0].length - 1; at >= 0; at -= step) {
      const row = document.createElement("tr");
      const values = this.lines.map((line, index) => this.data[index + 1][at]);
      row.append(cell("td", moment(this.data[0][at] * 1000, "full")), ...values.map((value) => cell("td", value === undefined || value === null ? "—" : usd(value), true)));
      rows.push(row);
    }
    details.querySelector("tbody").replaceChildren(...rows);
  }
}

function openCharts(root) {
  for (const [box, chart] of charts) if (!box.isConnected) { chart.clear(); charts.delete(box); }
  for (const box of root.querySelectorAll("[data-replay-chart]")) charts.set(box, new Curves(box));
}

// The form: which parts a mode needs, what a setting takes, how many runs a sweep makes.
function startForm(form) {
  const rows = form.querySelector("[data-rows]");
  const add = form.querySelector("[data-addrow]");
  const known = new Map([...form.querySelectorAll("#setting-paths option")].map((option) => [option.value, option.dataset]));
  const hint = (input) => {
    const row = input.closest(".setrow");
    const path = row.querySelector("input").value.trim();
    const about = known.get(path);
    row.querySelector(".hint").textContent = about ? `${about.title}: ${about.expected}, default ${about.default}` : path && /\./.test(path) ? "no setting of this name is known" : "";
  };
  const count = () => {
    const lengths = ["values0", "values1"].map((name) => form.elements[name].value.split(",").filter((value) => value.trim()).length);
    const used = lengths.filter((length, at) => form.elements[`vary${at}`].value.trim() && length);
    const runs = used.reduce((product, length) => product * length, used.length ? 1 : 0);
    const max = Number(form.dataset.cellsMax);
    const el = form.querySelector("[data-count]");
    el.textContent = `values with commas; at most ${max} runs` + (runs ? ` · now ${used.join(" × ")} = ${runs}` : "");
    el.dataset.tone = runs > max ? "loss" : "";
  };
  form.addEventListener("input", (event) => {
    if (event.target.name === "mode") form.dataset.mode = form.elements.mode.value;
    if (event.target.closest(".setrow")) hint(event.target);
    count();
  });
  for (const row of form.querySelectorAll(".setrow")) if (!row.querySelector(".failed")) hint(row.querySelector("input"));
  count();
  add.hidden = false;
  add.addEventListener("click", () => {
    const at = rows.children.length;
    if (at >= SETTING_ROWS_MAX) return;
    const row = rows.lastElementChild.cloneNode(true);
    const [path, value] = row.querySelectorAll("input");
    [path.name, value.name, path.value, value.value] = [`path${at}`, `value${at}`, "", ""];
    path.setAttribute("aria-label", `Setting ${at + 1}`);
    value.setAttribute("aria-label", `Value ${at + 1}`);
    value.removeAttribute("aria-invalid");
    row.querySelector(".hint").textContent = "";
    rows.append(row);
    path.focus();
    add.hidden = at + 1 >= SETTING_ROWS_MAX;
  });
}

function startTicks(form) {
  const ticked = new Set();
  form.addEventListener("change", (event) => {
    if (event.target.name !== "ids") return;
    if (event.target.checked) ticked.add(event.target.value); else ticked.delete(event.target.value);
  });
  document.addEventListener("regionreplaced", () => {
    for (const box of form.querySelectorAll('[name="ids"]')) box.checked = ticked.has(box.value);
  });
  form.addEventListener("click", (event) => { if (event.target.matches('[name="ids"]')) event.stopPropagation(); });
}

// A part under the pointer is not replaced by the stream, so that rows do not jump; but who waits for a result with the
// pointer on it must get it. Its own page is taken again once, and what was pressed stays where it was.
function startResult(region) {
  let isDue = false;
  new MutationObserver(() => {
    if (region.dataset.pending === undefined || isDue) return;
    isDue = true;
    setTimeout(async () => {
      isDue = false;
      if (region.dataset.pending === undefined || !region.matches(":hover, :focus-within")) return;
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(8000) });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector('[data-region="replay"]');
        if (answer.ok && fresh) replaceRegion(region, fresh);
      } catch {
        // The stream's watchdog reports a lost connection; the next change tries again.
      }
    }, RESULT_AFTER_MS);
  }).observe(region, { attributes: true, attributeFilter: ["data-pending"] });
}

openCharts(document);
for (const region of document.querySelectorAll('[data-region="replay"]')) startResult(region);
document.addEventListener("regionreplaced", (event) => openCharts(event.detail));
document.addEventListener("themechange", () => charts.forEach((chart) => chart.draw()));
new ResizeObserver(() => charts.forEach((chart) => chart.fit())).observe(document.getElementById("main"));
for (const form of document.querySelectorAll("[data-newreplay]")) startForm(form);
for (const form of document.querySelectorAll("[data-compare]")) startTicks(form);
