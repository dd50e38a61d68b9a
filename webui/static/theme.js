// Runs before the first paint so that the page never flashes in the wrong theme. Choice: system, dark or light.
(() => {
  const order = ["system", "dark", "light"];
  let choice = "system";
  try { choice = localStorage.getItem("theme") || "system"; } catch { /* storage is switched off: system it is */ }
  const apply = () => {
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    const word = document.getElementById("theme-word");
    if (word) word.textContent = choice;
  };
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    for (const id of ["theme", "theme-phone"]) {
      document.getElementById(id)?.addEventListener("click", () => {
        choice = order[(order.indexOf(choice) + 1) % order.length];
        try { localStorage.setItem("theme", choice); } catch { /* not kept */ }
        apply();
        document.dispatchEvent(new Event("themechange"));
      });
    }
  });
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => document.dispatchEvent(new Event("themechange")));
})();
