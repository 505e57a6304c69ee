// The keyboard: what a page offers carries data-shortcut, and rows that one moves through carry data-row.
(() => {
  const offered = (name) => document.querySelector(`[data-shortcut="${name}"]`);
  const typing = (target) =>
    target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
  const press = (event, name) => {
    const element = offered(name);
    if (element) {
      event.preventDefault();
      element.click();
    }
  };
  const focus = (event) => {
    const element = offered("search");
    const field = element && (element.matches("input") ? element : element.querySelector("input"));
    if (field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  };
  const move = (event, step) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    event.preventDefault();
    const present = rows.indexOf(document.activeElement.closest("[data-row]"));
    const next = present < 0 ? (step > 0 ? 0 : rows.length - 1) : present + step;
    const row = rows[Math.max(0, Math.min(rows.length - 1, next))];
    if (!row.matches("a, button, input, [tabindex]")) row.tabIndex = -1;
    row.focus();
  };
  // The pages' names, on a narrow screen.
  const toggle = (open) => {
    const shown = document.body.classList.toggle("console-menu-open", open);
    document.querySelector("[data-menu]")?.setAttribute("aria-expanded", String(shown));
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-menu]")) toggle();
    else if (!event.target.closest(".console-nav")) toggle(false);
  });
  // What was edited and not saved is not lost by a wrong click.
  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector('[data-unsaved="true"]')) event.preventDefault();
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") toggle(false);
      const command = event.ctrlKey || event.metaKey;
      if (command && !event.altKey && event.key === "s") {
        event.preventDefault();
        press(event, "save");
      } else if (command && event.key === "Enter") {
        press(event, "test");
      } else if (command || event.altKey || typing(event.target)) {
        return;
      } else if (event.key === "/") {
        focus(event);
      } else if (event.key === "j") {
        move(event, 1);
      } else if (event.key === "k") {
        move(event, -1);
      }
    },
    true,
  );
})();
