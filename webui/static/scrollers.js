// A part that scrolls by itself must be reachable by keyboard: it takes the focus as long as something is hidden.
const seen = new WeakSet();

export function startScrollers() {
  const sizes = new ResizeObserver((entries) => { for (const { target } of entries) settle(target.closest(".scroll") || target); });
  const watch = (root) => {
    for (const el of root.querySelectorAll(".scroll")) {
      if (seen.has(el)) { settle(el); continue; }
      seen.add(el);
      sizes.observe(el);
      if (el.firstElementChild) sizes.observe(el.firstElementChild);
    }
  };
  watch(document);
  document.addEventListener("regionreplaced", (event) => { watch(document); if (event.detail.matches(".scroll")) settle(event.detail); });
}

function settle(el) {
  const hides = el.scrollWidth > el.clientWidth + 1 || el.scrollHeight > el.clientHeight + 1;
  if (hides) el.tabIndex = 0; else el.removeAttribute("tabindex");
  if (hides && !el.hasAttribute("role")) {
    el.setAttribute("role", "group");
    const name = el.closest("[aria-label]")?.getAttribute("aria-label") || el.closest("section")?.querySelector("h2")?.textContent;
    el.setAttribute("aria-label", name ? `${name}, scrolls` : "scrolls");
  }
}
