// Time series with uPlot: gaps stay gaps, axes in the viewer's zone, colours from the tokens of the current theme.
import { duration, moment, STALE_MS } from "./ages.js";

const REFRESH_MS = 10000;
const SIGNAL_POINTS_MAX = 2000;
let charts = [];

function openCharts(root) {
  for (const box of root.querySelectorAll("[data-chart]")) {
    const chart = box.dataset.chart === "equity" ? new EquityChart(box) : new SignalChart(box);
    charts.push(chart);
    chart.load();
  }
}

export function startCharts() {
  openCharts(document);
  document.addEventListener("regionreplaced", (event) => {
    for (const chart of charts) if (!chart.box.isConnected) chart.clear();
    charts = charts.filter((chart) => chart.box.isConnected);
    openCharts(event.detail);
  });
  document.addEventListener("points", (event) => charts.forEach((chart) => chart.take(event.detail)));
  document.addEventListener("fullframe", (event) => charts.forEach((chart) => chart.again(event.detail)));
  document.addEventListener("themechange", () => charts.forEach((chart) => chart.draw()));
  document.addEventListener("streamback", (event) => { if (event.detail.wasLost) charts.forEach((chart) => chart.load()); });
  new ResizeObserver(() => charts.forEach((chart) => chart.fit())).observe(document.getElementById("main"));
  setInterval(() => {
    if (document.hidden || document.documentElement.dataset.stream !== "live") return;
    charts.forEach((chart) => chart.refresh());
  }, REFRESH_MS);
  setInterval(() => charts.forEach((chart) => chart.showAge()), 500);
}

function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  probe.hidden = true;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const faint = (rgb, part) => rgb.replace("rgb(", "rgba(").replace(")", `, ${part})`);

function usd(value) {
  const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return value < 0 && text !== "0.00" ? `\u2212${text}` : text;
}

// Exact decimal text with thousands separators; a float is used for nothing but its place on the chart.
function exact(text) {
  if (text === null) return "—";
  const [whole, part] = text.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",") + (part ? `.${part}` : "");
  return text.startsWith("-") ? `\u2212${grouped}` : grouped;
}

function brief(value) {
  const size = Math.abs(value);
  const digits = size >= 1e6 ? 2 : size >= 100 ? 0 : size >= 1 ? 2 : 4;
  const scaled = size >= 1e6 ? `${(size / 1e6).toFixed(2)}M` : size.toLocaleString("en-US", { maximumFractionDigits: digits });
  return value < 0 ? `\u2212${scaled}` : scaled;
}

// 24 hours, year-month-day; the date stands where it changes. Columns: tick step in seconds, text, then what is added
// when the year, month, day, hour, minute or second changes, and the mode (1 = in addition).
const DAY = "\n{YYYY}-{MM}-{DD}";
const TIMES = [
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", DAY, null, DAY, null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", DAY, null, DAY, null, null, null, 1],
  [0.001, ":{ss}.{fff}", DAY, null, DAY, null, "\n{HH}:{mm}", null, 1],
];

function axes(format, isShared) {
  const muted = colour("muted"), line = colour("line");
  const font = "11px system-ui, sans-serif";
  const common = { stroke: muted, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } };
  const time = isShared ? { values: (_, splits) => splits.map(() => ""), size: 6 } : { values: TIMES, size: 36 };
  return [{ ...common, space: 72, ...time }, { ...common, size: 64, gap: 6, space: 22, values: (_, splits) => splits.map(format) }];
}

class Chart {
  constructor(box) {
    this.box = box;
    this.plots = [];
    this.hosts = [...box.querySelectorAll(".plot")];
    this.note = box.querySelector(".chartnote");
    this.rows = box.querySelector(".chartdata tbody");
    this.age = box.closest(".card").querySelector("[data-chart-age]");
    this.lastMs = 0; // event time of the last point
    this.ageMs = null; // its age when it was fetched
    this.fetchedAt = 0;
    box.querySelector("details")?.addEventListener("toggle", () => this.fillTable());
  }

  async fetch(url) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(8000) });
      if (!answer.ok) { this.say(`Not available now: ${await answer.text()}`); return null; }
      return await answer.json();
    } catch {
      this.say("Not loaded: the kernel did not answer.");
      return null;
    }
  }

  take() {}

  again() {}

  say(text) { this.note.textContent = text; }

  clear() {
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
  }

  fit() {
    this.plots.forEach((plot, index) => {
      const host = this.hosts[index];
      if (plot.width !== host.clientWidth) plot.setSize({ width: host.clientWidth, height: host.clientHeight });
    });
  }

  showAge() {
    if (!this.age) return;
    if (this.ageMs === null) { this.age.textContent = ""; return; }
    const ms = this.ageMs + performance.now() - this.fetchedAt;
    const text = `last point ${duration(ms)} ago`;
    if (this.age.textContent !== text) this.age.textContent = text;
    this.age.dataset.tone = ms > STALE_MS + this.staleAfterMs() ? "warn" : "";
  }

  // Samples come once a minute of event time, signals as they move.
  staleAfterMs() { return 120000; }

  add(index, options, data) {
    const host = this.hosts[index];
    this.plots.push(new uPlot({
      width: host.clientWidth, height: host.clientHeight, legend: { show: false },
      padding: [8, 24, 0, 0], ...options, hooks: { ...options.hooks, setCursor: [(plot) => this.tip(plot, index)] },
    }, data, host));
  }

  tip(plot, index) {
    let tip = plot.over.querySelector(".tip");
    const at = plot.cursor.idx;
    if (at === null || at === undefined || plot.cursor.left < 0) { tip?.remove(); return; }
    if (!tip) { tip = document.createElement("div"); tip.className = "tip"; plot.over.append(tip); }
    tip.textContent = this.tipText(at, index);
    const left = plot.cursor.left > plot.over.clientWidth / 2 ? plot.cursor.left - tip.offsetWidth - 12 : plot.cursor.left + 12;
    tip.style.transform = `translate(${Math.round(left)}px, 4px)`;
  }

  fillTable() {
    if (!this.rows?.closest("details").open) return;
    this.rows.replaceChildren(...this.tableRows().map((texts) => {
      const row = document.createElement("tr");
      texts.forEach((text, index) => {
        const cell = document.createElement("td");
        cell.className = index ? "r num" : "num";
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    }));
  }
}

class EquityChart extends Chart {
  constructor(box) {
    super(box);
    this.period = box.dataset.period;
    this.data = null;
    for (const button of box.closest(".card").querySelectorAll("[data-period]:not(.chart)")) {
      button.addEventListener("click", () => {
        this.period = button.dataset.period;
        for (const each of button.parentElement.children) each.setAttribute("aria-pressed", String(each === button));
        this.load();
      });
    }
  }

  async load() {
    const data = await this.fetch(`${this.box.dataset.src}&period=${this.period}`);
    if (!data) return;
    if (data.error) { this.say(`Not available now: ${data.error}`); return; }
    this.data = data;
    this.ageMs = data.age_ms;
    this.fetchedAt = performance.now();
    const known = this.known = data.equity.filter((value) => value !== null).length;
    this.say(known < 2 ? "The curve begins with the second sample; samples come once a minute of event time." :
      [data.simulated ? "Simulated." : "", data.note].filter(Boolean).join(" "));
    this.draw();
    this.fillTable();
  }

  refresh() { this.load(); }

  series() {
    const number = (value) => (value === null ? null : Number(value));
    return [this.data.ts, this.data.equity.map(number), this.data.drawdown.map(number)];
  }

  draw() {
    if (!this.data || this.known < 2) { this.clear(); return; }
    const [ts, equity, drawdown] = this.series();
    if (this.plots.length && !this.isThemeStale()) {
      this.plots[0].setData([ts, equity]);
      this.plots[1].setData([ts, drawdown]);
      return;
    }
    this.clear();
    this.theme = colour("page");
    const line = colour("info"), loss = colour("loss");
    const cursor = { sync: { key: "time" }, points: { size: 6 }, drag: { x: true, y: false } };
    this.add(0, {
      cursor, axes: axes(brief, true), scales: { x: { time: true } },
      series: [{}, { stroke: line, width: 1.5, fill: faint(line, this.data.simulated ? 0.06 : 0.14), points: { show: ts.length < 3 } }],
      hooks: { draw: [(plot) => this.drawMarks(plot)] },
    }, [ts, equity]);
    this.add(1, {
      cursor, axes: axes(brief), scales: { x: { time: true }, y: { range: (_, low) => [Math.min(low ?? 0, -0.01), 0] } },
      series: [{}, { stroke: loss, width: 1, fill: faint(loss, 0.15), points: { show: false } }],
    }, [ts, drawdown]);
  }

  isThemeStale() { return this.theme !== colour("page"); }

  drawMarks(plot) {
    const ctx = plot.ctx;
    ctx.save();
    for (const mark of this.data.marks) {
      const x = plot.valToPos(mark.ts_ns / 1e9, "x", true);
      if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
      ctx.strokeStyle = ctx.fillStyle = colour(mark.kind === "kill" ? "loss" : "muted");
      ctx.setLineDash([4, 4]);
      ctx.beginPath();
      ctx.moveTo(x, plot.bbox.top);
      ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
      ctx.stroke();
      ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
      ctx.textAlign = "left";
      ctx.fillText(mark.kind, x + 4 * devicePixelRatio, plot.bbox.top + 12 * devicePixelRatio);
    }
    ctx.restore();
  }

  tipText(at, index) {
    const value = index ? this.data.drawdown[at] : this.data.equity[at];
    return `${moment(this.data.ts[at] * 1000, "full")}\n${index ? "drawdown" : "equity"} ${value === null ? "no data" : usd(Number(value))}`;
  }

  tableRows() {
    if (!this.data) return [];
    return this.data.ts.map((ts, i) => [moment(ts * 1000, "full"), exact(this.data.equity[i]), exact(this.data.drawdown[i])]).reverse().slice(0, 200);
  }
}

class SignalChart extends Chart {
  constructor(box) {
    super(box);
    this.data = [[], [], []];
    this.pending = [];
    this.isLoaded = false;
  }

  // While another signal is about to take this place its points are not ours.
  isMine(frame) {
    return frame.topic === this.box.dataset.topic && this.box.closest("[data-region]").dataset.pending === undefined;
  }

  take(frame) { if (this.isMine(frame)) this.append(frame.points); }

  again(frame) { if (this.isMine(frame) && this.isLoaded) this.load(); }

  async load() {
    const data = await this.fetch(this.box.dataset.src);
    if (!data) return;
    this.data = [data.ts, data.value, data.threshold];
    this.isLoaded = true;
    const early = this.pending;
    this.pending = [];
    this.append(early);
    this.draw();
  }

  refresh() {}

  staleAfterMs() { return 0; }

  append(points) {
    if (!this.isLoaded) { this.pending.push(...points); return; }
    const [ts, value, threshold] = this.data;
    for (const [ms, v, limit] of points) {
      if (ts.length && ms / 1000 <= ts[ts.length - 1]) continue;
      ts.push(ms / 1000); value.push(v); threshold.push(limit);
    }
    const over = ts.length - SIGNAL_POINTS_MAX;
    if (over > 0) for (const list of this.data) list.splice(0, over);
    if (points.length) { this.ageMs = 0; this.fetchedAt = performance.now(); }
    this.say(ts.length < 2 ? "Drawn from the second value on." : "");
    if (this.plots.length) this.plots[0].setData(this.data);
    this.fillTable();
  }

  draw() {
    this.clear();
    const line = colour("info"), limit = colour("warn");
    const unit = this.box.dataset.unit;
    this.add(0, {
      cursor: { sync: { key: "time" }, points: { size: 6 }, drag: { x: true, y: false } },
      axes: axes((v) => brief(v)), scales: { x: { time: true } },
      series: [{}, { stroke: line, width: 1.5, points: { show: false } }, { stroke: limit, width: 1.25, dash: [6, 4], points: { show: false } }],
    }, this.data);
  }

  tipText(at) {
    const [ts, value, threshold] = this.data;
    const { unit, title, threshold: limit } = this.box.dataset;
    const show = (v) => (v === null ? "no data" : `${brief(v)} ${unit}`);
    return `${moment(ts[at] * 1000, "full")}\n${title} ${show(value[at])}\n${limit} ${show(threshold[at])}`;
  }

  tableRows() {
    const [ts, value, threshold] = this.data;
    return ts.map((at, i) => [moment(at * 1000, "exact"), value[i] === null ? "—" : brief(value[i]), threshold[i] === null ? "—" : brief(threshold[i])]).reverse().slice(0, 200);
  }
}
