// Times and ages as text. `duration` does what `typeset.duration` does on the server; a browser test compares them.
export const STALE_MS = 30000;

export function duration(ms) {
  ms = Math.max(0, Math.floor(ms));
  if (ms < 10000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  let s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  let m = Math.floor(s / 60); s %= 60;
  if (m < 60) return `${m}m ${String(s).padStart(2, "0")}s`;
  let h = Math.floor(m / 60); m %= 60;
  if (h < 24) return `${h}h ${String(m).padStart(2, "0")}m`;
  const d = Math.floor(h / 24); h %= 24;
  return `${d}d ${String(h).padStart(2, "0")}h`;
}

const two = (n) => String(n).padStart(2, "0");

// In the viewer's zone: time = 12:03:04, full = with the date, exact = with milliseconds.
export function moment(ms, kind) {
  if (!ms) return "—";
  const at = new Date(ms);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (kind === "full") return `${day} ${time}`;
  if (kind === "exact") return `${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  return time;
}

export function writeMoments(root) {
  for (const el of root.querySelectorAll("time[data-ms]")) writeMoment(el);
}

export function writeMoment(el) {
  const ms = Number(el.dataset.ms);
  el.textContent = moment(ms, el.dataset.kind);
  if (ms) { el.dateTime = new Date(ms).toISOString(); el.title = `${moment(ms, "full")} here, ${el.dateTime} UTC`; }
}
