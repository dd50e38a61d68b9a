// Settings forms: marks what was changed, shows the diff before saving, keeps typing when somebody else saves.
// Without this script the forms post by themselves. Nothing from the server is ever parsed as HTML here.
import { show, toast } from "./dialogs.js";
import { moment } from "./ages.js";
import { Row } from "./settings_row.js";

const byId = (id) => document.getElementById(id);
const csrf = () => document.body.dataset.csrf;
const TIMEOUT_MS = 10000;
const AGAIN_MS = 500;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function ask(url, body) {
  const headers = { accept: "application/json" };
  if (body) headers["x-csrf-token"] = csrf();
  try {
    const answer = await fetch(url, { method: body ? "POST" : "GET", body, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const isJson = (answer.headers.get("content-type") || "").startsWith("application/json");
    return { status: answer.status, data: isJson ? await answer.json() : null, text: isJson ? "" : await answer.text() };
  } catch {
    return { status: 0, data: null, text: "The kernel did not answer; whether it saved is not known. Look at the history." };
  }
}

function changeLine(change) {
  return `${change.title}: ${change.old} → ${change.new}${change.unit ? ` ${change.unit}` : ""}`;
}

class Section {
  constructor(box) {
    this.box = box;
    this.module = box.dataset.module;
    this.url = `/settings/${encodeURIComponent(this.module)}`;
    this.form = box.querySelector("form.settingsform");
    this.rows = new Map();
    for (const el of this.form.querySelectorAll(".setting[data-name]")) this.rows.set(el.dataset.name, new Row(el));
    this.isSaving = false;
    this.isRefreshing = false;
    this.discard = this.form.querySelector("[data-discard]");
    this.form.addEventListener("input", () => this.mark());
    this.form.addEventListener("change", () => this.mark());
    this.form.addEventListener("click", (event) => this.onClick(event));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.review(); });
    this.streamed = box.querySelector("[data-version-of]");
    new MutationObserver(() => this.onVersion(this.streamed.textContent)).observe(this.streamed, { childList: true, characterData: true, subtree: true });
    this.mark();
  }

  get version() { return this.form.elements.version.value; }
  set version(value) { this.form.elements.version.value = String(value); }
  get dirty() { return [...this.rows.values()].filter((row) => row.isDirty); }

  mark() {
    for (const row of this.rows.values()) row.mark();
    const count = this.dirty.length;
    this.form.querySelector(".count").textContent = count ? `${count} changed` : "";
    this.discard.hidden = !count;
  }

  onClick(event) {
    const button = event.target.closest("button[type=button]");
    if (!button) return;
    if (button === this.discard) {
      for (const row of this.rows.values()) row.discard();
      this.trouble();
    } else {
      const row = this.rows.get(button.closest(".setting")?.dataset.name);
      if (!row || !row.onButton(button)) return;
    }
    this.mark();
  }

  fields() {
    const data = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) data.append(name, value);
    return data;
  }

  async review() {
    if (this.isSaving || this.form.querySelector("[data-save]").disabled) return;
    this.trouble();
    this.news();
    if (!this.dirty.length) { toast("Nothing was changed.", ""); return; }
    const data = this.fields();
    const { status, data: preview, text } = await ask(`${this.url}/preview`, data);
    if (status !== 200) { this.trouble(text || `refused (${status})`); return; }
    if (this.showErrors(preview.errors)) return;
    if (!preview.changes.length) { toast("These are the values in use already.", ""); return; }
    this.ask(preview.changes, data);
  }

  ask(changes, data) {
    const dialog = byId("settings-review");
    const form = dialog.querySelector("form");
    const title = this.box.querySelector("h2").textContent;
    byId("review-title").textContent = `Save ${changes.length} change${changes.length === 1 ? "" : "s"} of ${title}?`;
    dialog.querySelector("tbody").replaceChildren(...changes.map((change) => {
      const line = element("tr");
      const name = element("th", change.title);
      name.scope = "row";
      if (change.restart) name.append(" ", element("span", "next start", "tag"));
      const unit = change.unit ? ` ${change.unit}` : "";
      line.append(name, element("td", change.old + unit, "r num"), element("td", change.new + unit, "r num new"));
      return line;
    }));
    const later = changes.filter((change) => change.restart).length;
    dialog.querySelector(".applies").textContent =
      later === 0 ? "Used from the next event on, without a restart."
        : later === changes.length ? "Stored now, used from the next start on."
          : "Used from the next event on; what says “next start” is stored now and used then.";
    form.elements.why.value = "";
    const failed = dialog.querySelector(".failed");
    form.onsubmit = async (event) => {
      event.preventDefault();
      if (!form.reportValidity() || this.isSaving) return;
      data.set("why", form.elements.why.value);
      failed.hidden = true;
      await this.save(data, dialog, failed);
    };
    dialog.querySelector("[data-close]").onclick = () => dialog.close();
    show(dialog);
    form.elements.why.focus();
  }

  async save(data, dialog, failed) {
    const button = dialog.querySelector("[data-confirm]");
    this.isSaving = button.disabled = true;
    const { status, data: answer, text } = await ask(this.url, data);
    button.disabled = false;
    if (status === 200) {
      dialog.close();
      await this.refresh(true);
      const isInUse = Number(this.version) >= answer.version && this.newest?.version === answer.version;
      const at = isInUse ? `, in use since ${moment(this.newest.ts_ms, "time")}` : "; the kernel takes it up in a moment";
      const later = [...this.rows.values()].some((row) => row.hasPending) ? " What says “next start” waits for it." : "";
      this.news(`Saved as version ${answer.version}${at}.`, later);
    } else if (status === 409) {
      dialog.close();
      await this.refresh(false);
      this.conflict(answer.entries);
    } else if (status === 400 && answer && !answer.why) {
      dialog.close();
      this.showErrors(answer.errors);
    } else {
      failed.textContent = answer ? answer.why || Object.values(answer.errors).join(" ") : text || `refused (${status})`;
      failed.hidden = false;
    }
    this.isSaving = false;
    this.onVersion(this.streamed.textContent);
  }

  showErrors(errors) {
    const others = [];
    for (const row of this.rows.values()) row.error("");
    for (const [name, text] of Object.entries(errors)) {
      const row = this.rows.get(name);
      if (row) row.error(text); else others.push(name ? `${name}: ${text}` : text);
    }
    const first = [...this.rows.values()].find((row) => row.isWrong);
    if (others.length) this.trouble(others.join(" "));
    if (first) first.focus(); else if (others.length) this.box.querySelector(".trouble").focus();
    return first !== undefined || others.length > 0;
  }

  trouble(text) {
    const place = this.box.querySelector(".trouble");
    place.replaceChildren(...(text ? [element("p", text, "banner loss")] : []));
    if (!text) for (const row of this.rows.values()) row.error("");
  }

  news(text, more = "") {
    const place = this.box.querySelector(".news");
    if (!text) { place.replaceChildren(); return; }
    const line = element("p", undefined, "banner gain");
    line.append(element("b", text), more);
    place.replaceChildren(line);
    place.focus();
  }

  conflict(entries) {
    const place = this.box.querySelector(".trouble");
    const box = element("div", undefined, "banner loss");
    box.append(element("b", "Somebody saved while you were editing; nothing of yours was saved."), " Your typing is kept and marked; everything else shows the values now.");
    const list = element("ul");
    for (const entry of entries) {
      list.append(element("li", `${moment(entry.ts_ms, "full")} ${entry.who}: “${entry.why}” (version ${entry.version}) ${entry.changes.map(changeLine).join("; ")}`));
    }
    box.append(list);
    place.replaceChildren(box);
    place.focus();
  }

  onVersion(text) {
    if (!this.isSaving && Number(text) > Number(this.version)) this.refresh(false);
  }

  // The values now: into inputs where nobody typed; where somebody did, a note beside it.
  async refresh(isOwn) {
    if (this.isRefreshing) return;
    this.isRefreshing = true;
    const { status, data: state } = await ask(`${this.url}/state`);
    this.isRefreshing = false;
    if (status !== 200) return;
    this.newest = state.newest;
    const who = {};
    if (state.newest && state.newest.version === state.version) for (const change of state.newest.changes) who[change.key] = state.newest.who;
    for (const [name, now] of Object.entries(state.rows)) this.rows.get(name)?.update(now, who[name], isOwn);
    this.version = state.version;
    this.mark();
    // Somebody was faster than this answer: the stream has told a newer version already.
    if (Number(this.streamed.textContent) > state.version) setTimeout(() => this.onVersion(this.streamed.textContent), AGAIN_MS);
  }
}

const sections = [...document.querySelectorAll("section.settings")].map((box) => new Section(box));
addEventListener("beforeunload", (event) => { if (sections.some((each) => each.dirty.length)) event.preventDefault(); });
