"use strict";
const all = (css, from = document) => [...from.querySelectorAll(css)];
const one = (css, from = document) => from.querySelector(css);

// Filters: data-filter of an input or select names the list to filter, data-key the attribute to
// compare.
const narrow = (list) => {
  const controls = all(`[data-filter="${list}"]`).filter((control) => control.value);
  let shown = 0;
  for (const item of all(`[data-list="${list}"]`)) {
    const fits = controls.every((control) => {
      const own = item.dataset[control.dataset.key] ?? "";
      const wanted = control.value.toLowerCase();
      return control.tagName === "SELECT" ? own === control.value : own.toLowerCase().includes(wanted);
    });
    item.hidden = !fits;
    shown += fits;
  }
  const count = one(`[data-count="${list}"]`);
  if (count) count.textContent = `${shown} shown`;
};
document.addEventListener("input", (event) => {
  const list = event.target.dataset.filter;
  if (list) narrow(list);
  const sorted = event.target.dataset.sorts;
  if (sorted) sortCards(sorted, event.target.value);
});

const compare = (a, b) =>
  a !== "" && b !== "" && !isNaN(a) && !isNaN(b) ? a - b : String(a).localeCompare(String(b));

const sortCards = (list, key) => {
  const items = all(`[data-list="${list}"]`);
  const down = !["rule", "name", "confidence"].includes(key);
  items.sort((a, b) => compare(a.dataset[key], b.dataset[key]) * (down ? -1 : 1));
  items.forEach((item) => item.parentNode.append(item));
};

const sortTable = (head) => {
  const table = head.closest("table");
  const at = head.cellIndex;
  const down = head.getAttribute("aria-sort") !== "descending";
  all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = (row) => row.cells[at].dataset.value ?? row.cells[at].textContent;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => compare(value(a), value(b)) * (down ? -1 : 1));
  table.tBodies[0].append(...rows);
};

// Decisions about one text of a rule, or about all its shown texts.
const entries = () => all(".entry[data-rule]");
const count = () => {
  const of = (choice) => entries().filter((entry) => entry.dataset.choice === choice).length;
  const [accepted, rejected] = [of("accept"), of("reject")];
  one(".choices").hidden = accepted + rejected === 0;
  one("#chosen").textContent = `${accepted} accepted, ${rejected} rejected`;
};
const decide = (entry, choice) => {
  if (entry.dataset.choice === choice) delete entry.dataset.choice;
  else entry.dataset.choice = choice;
  all(".choice button", entry).forEach((button) => {
    button.setAttribute("aria-pressed", button.dataset.choose === entry.dataset.choice);
  });
};
const review = () => ({
  chaffinch_review: 1,
  run: JSON.parse(document.body.dataset.run),
  decisions: entries()
    .filter((entry) => entry.dataset.choice)
    .map((entry) => ({
      rule: entry.dataset.rule,
      decision: entry.dataset.choice,
      // Control characters in the page are JSON escapes.
      text: JSON.parse(entry.dataset.text),
      case: JSON.parse(entry.dataset.case ?? "null"),
      outlet: JSON.parse(entry.dataset.outlet ?? "null"),
      document: JSON.parse(entry.dataset.document ?? "null"),
      // The lines of the original that were cut, if they were cut whole.
      line: JSON.parse(entry.dataset.line ?? "null"),
      lines: JSON.parse(entry.dataset.lines ?? "null"),
      confidence: JSON.parse(entry.dataset.confidence ?? "null"),
    })),
});
const save = () => {
  const blob = new Blob([JSON.stringify(review(), null, 2) + "\n"], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "review.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

const view = (name) => {
  document.body.dataset.view = name;
  all("[data-view-as]").forEach((button) => {
    button.setAttribute("aria-pressed", button.dataset.viewAs === name);
  });
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.viewAs) view(button.dataset.viewAs);
  if (button.dataset.choose) {
    const entry = button.closest(".entry");
    if (entry) decide(entry, button.dataset.choose);
    else {
      const own = all(".entry[data-rule]", button.closest(".rule"));
      const done = own.every((entry) => entry.dataset.choice === button.dataset.choose);
      for (const entry of own) {
        if (done || entry.dataset.choice !== button.dataset.choose) decide(entry, button.dataset.choose);
      }
    }
    count();
  }
  if (button.id === "save") save();
  if (button.id === "help") one("dialog").showModal();
  const head = button.closest("th");
  if (head) sortTable(head);
});

// A link to a rule opens it.
const open = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.tagName === "DETAILS") target.open = true;
};
addEventListener("hashchange", open);

// Keys: a step is a rule, a text of an open rule, or a document.
let at = null;
const steps = () =>
  all(".rule, .rule[open] .entry, .doc").filter((item) => !item.hidden && item.offsetParent !== null);
const step = (by) => {
  const items = steps();
  if (!items.length) return;
  const now = items.indexOf(at);
  const next = now < 0 ? (by > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, now + by));
  at?.classList.remove("at");
  at = items[next];
  at.classList.add("at");
  at.scrollIntoView({ block: "nearest" });
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    o: () => at?.tagName === "DETAILS" && (at.open = !at.open),
    a: () => at?.classList.contains("entry") && (decide(at, "accept"), count()),
    r: () => at?.classList.contains("entry") && (decide(at, "reject"), count()),
    v: () => view({ both: "clean", clean: "original", original: "both" }[document.body.dataset.view]),
    s: save,
    "/": () => one("input[type=search]")?.focus(),
    "?": () => one("dialog").showModal(),
  };
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});
addEventListener("beforeprint", () => all("details").forEach((item) => (item.open = true)));
open();
count();
