// One setting of a form: reads and writes its inputs as one text, the same text that the server makes of a value.
const LINE = "\n";

export class Row {
  constructor(el) {
    this.el = el;
    this.kind = el.dataset.kind;
    this.base = el.querySelector('input[name^="was."]');
    this.use = el.querySelector("[data-use]");
    this.reset = el.querySelector('input[name="reset"]');
    for (const each of el.querySelectorAll("[data-up], [data-remove], [data-add]")) each.hidden = each.disabled;
  }

  get was() { return this.base.value.replaceAll("\r\n", LINE); }
  get isDirty() { return !this.base.disabled && (this.reset.checked || this.text !== this.was); }
  get isWrong() { return this.el.dataset.wrong !== undefined; }
  get hasPending() { return !this.el.querySelector(".pending").hidden; }
  get input() { return this.el.querySelector('.value [name^="f."]'); }

  get text() {
    if (this.kind === "switch") return String(this.input.checked);
    if (this.kind === "choices") return [...this.el.querySelectorAll(".option input:checked")].map((each) => each.value).join(LINE);
    if (this.kind === "list") return this.input.value.split(/\r?\n/).map((each) => each.trim()).filter(Boolean).join(LINE);
    if (this.kind === "map") {
      return [...this.el.querySelectorAll(".pair")].map((pair) => [...pair.querySelectorAll("input")].map((each) => each.value.trim()))
        .filter(([name, value]) => name || value).map(([name, value]) => `${name} = ${value}`).join(LINE);
    }
    return this.kind === "number" || this.kind === "integer" ? this.input.value.trim() : this.input.value.replaceAll("\r\n", LINE);
  }

  set text(text) {
    if (this.kind === "switch") this.input.checked = text === "true";
    else if (this.kind === "choices") this.choose(text ? text.split(LINE) : []);
    else if (this.kind === "map") this.fill(text ? text.split(LINE).map((line) => line.split(/ = (.*)/s).slice(0, 2)) : []);
    else this.input.value = text;
  }

  choose(names) {
    const box = this.el.querySelector(".options");
    const options = [...box.querySelectorAll(".option")];
    const place = (option) => { const at = names.indexOf(option.querySelector("input").value); return at < 0 ? names.length : at; };
    for (const option of options) option.querySelector("input").checked = place(option) < names.length;
    box.append(...options.sort((one, other) => place(one) - place(other)));
  }

  fill(pairs) {
    const box = this.el.querySelector(".map");
    const rows = [...box.querySelectorAll(".pair")];
    const blank = rows[rows.length - 1];
    for (const row of rows.slice(0, -1)) row.remove();
    for (const [name, value] of pairs) blank.before(this.pair(blank, name, value));
    for (const each of blank.querySelectorAll("input")) each.value = "";
  }

  pair(model, name, value) {
    const made = model.cloneNode(true);
    const [first, second] = made.querySelectorAll("input");
    first.value = name;
    second.value = value;
    return made;
  }

  mark() {
    if (this.isDirty) this.el.dataset.changed = ""; else delete this.el.dataset.changed;
    if (this.use) this.use.hidden = this.use.disabled || this.text === this.use.dataset.use.replaceAll("\r\n", LINE);
  }

  discard() {
    this.text = this.was;
    this.reset.checked = false;
    this.meanwhile("");
  }

  onButton(button) {
    if (button.dataset.use !== undefined) this.text = button.dataset.use;
    else if (button.dataset.up !== undefined) {
      const option = button.closest(".option");
      option.previousElementSibling?.before(option);
      (option.previousElementSibling ? button : option.querySelector("input")).focus();
    } else if (button.dataset.remove !== undefined) {
      const pair = button.closest(".pair");
      if (this.el.querySelectorAll(".pair").length > 1) pair.remove();
      else for (const each of pair.querySelectorAll("input")) each.value = "";
      this.el.querySelector("[data-add]").focus();
    } else if (button.dataset.add !== undefined) {
      const pairs = this.el.querySelectorAll(".pair");
      const made = this.pair(pairs[pairs.length - 1], "", "");
      pairs[pairs.length - 1].after(made);
      made.querySelector("input").focus();
    } else return false;
    return true;
  }

  error(text) {
    const note = this.el.querySelector(".wrong");
    const target = this.el.querySelector("[aria-describedby]");
    note.textContent = text;
    note.hidden = !text;
    if (text) this.el.dataset.wrong = ""; else delete this.el.dataset.wrong;
    const others = target.getAttribute("aria-describedby").split(" ").filter((id) => id !== note.id);
    target.setAttribute("aria-describedby", [...others, ...(text ? [note.id] : [])].join(" "));
    if (text) target.setAttribute("aria-invalid", "true"); else target.removeAttribute("aria-invalid");
  }

  focus() {
    this.el.querySelector("[aria-describedby]").focus();
  }

  // What the kernel has now. Typing stays; an idle input follows.
  update(now, who, isOwn) {
    const isNew = now.text !== this.was;
    const isTyped = this.isDirty && !isOwn;
    this.base.value = now.text;
    if (isOwn) { this.text = now.text; this.reset.checked = false; this.meanwhile(""); }
    else if (isNew && isTyped && this.text !== now.text) this.meanwhile(`${who || "Somebody"} saved ${now.shown} here just now; what you typed is kept.`, "warn");
    else if (isNew && !isTyped) { this.text = now.text; this.meanwhile(`changed by ${who || "somebody"} just now`, "info"); }
    const pending = this.el.querySelector(".pending");
    pending.textContent = now.pending;
    pending.hidden = !now.pending;
    this.reset.closest("label").hidden = !now.reset || this.base.disabled;
  }

  meanwhile(text, tone = "") {
    const note = this.el.querySelector(".meanwhile");
    note.textContent = text;
    note.dataset.tone = tone;
    note.hidden = !text;
  }
}
