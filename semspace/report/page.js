"use strict";
// Search and sorting for the tables of a report. This text is the same in every report and no corpus has a word in it:
// it reads what the page shows, and writes only plain text and attributes. The page's content policy permits exactly
// these bytes, by their SHA-256, and nothing else that would run.

const SEARCHED = 10; // tables with more rows than this get a search box
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** The text as it is compared: without case and without the accents of Latin letters. */
const fold = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Give a table its search box; return the function that searches. */
function searchable(table) {
  const rows = [...table.tBodies[0].rows];
  const texts = rows.map((row) => fold([...row.cells].map((cell) => cell.textContent).join(" ")));
  const called = table.caption?.textContent ?? table.getAttribute("aria-label") ?? "";
  const box = element("input", { type: "search", "aria-label": `Search ${called}`.trim(), autocomplete: "off" });
  const told = element("span", { role: "status", "aria-live": "polite" });
  const search = () => {
    const words = fold(box.value).split(/\s+/).filter(Boolean);
    let found = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      found += row.hidden ? 0 : 1;
    });
    const all = `${rows.length} rows${table.dataset.cut ? " shown here" : ""}`;
    told.textContent = words.length ? `${found} of ${all}` : all;
  };
  box.addEventListener("input", search);
  table.parentElement.before(element("div", { class: "search" }, element("label", {}, "Search ", box), told));
  search();
  return (text) => {
    box.value = text;
    search();
  };
}

/** Rows in the order of a column, empty cells last either way; without a way, as the page had them. */
function sorted(rows, column, way, numbers) {
  if (way === "none") return rows;
  const sign = way === "ascending" ? 1 : -1;
  const keys = new Map(rows.map((row) => [row, row.cells[column].dataset.value ?? row.cells[column].textContent]));
  return [...rows].sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
    return sign * (numbers ? Number(a) - Number(b) : collator.compare(a, b));
  });
}

/** Put a choice of the order above a table whose rows are cards, which have no headers to press. */
function choosable(table, names, sort) {
  const options = names.flatMap((name, column) =>
    ["ascending", "descending"].map((way) => element("option", { value: `${column} ${way}` }, `${name}, ${way}`)),
  );
  const select = element("select", {}, element("option", { value: "0 none" }, "as listed"), ...options);
  select.addEventListener("change", () => {
    const [column, way] = select.value.split(" ");
    sort(Number(column), way);
  });
  table.parentElement.before(element("div", { class: "sorting" }, element("label", {}, "Sorted by ", select)));
}

/** Turn a table's headers into buttons; return the function that sorts by a header's text ("-text": downwards). */
function sortable(table) {
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  const sort = (column, way) => {
    for (const head of heads) head.removeAttribute("aria-sort");
    if (way !== "none") heads[column].setAttribute("aria-sort", way);
    table.tBodies[0].append(...sorted(rows, column, way, heads[column].dataset.sort === "number"));
  };
  const titles = heads.map((head) => head.textContent);
  const names = titles.map(fold);
  if (table.classList.contains("cards")) choosable(table, titles, sort);
  heads.forEach((head, column) => {
    const button = element("button", { type: "button" }, ...head.childNodes);
    button.addEventListener("click", () => sort(column, NEXT[head.getAttribute("aria-sort") ?? "none"]));
    head.append(button);
  });
  return (text) => {
    const down = text.startsWith("-");
    const column = names.indexOf(fold(down ? text.slice(1) : text));
    if (column >= 0) sort(column, down ? "descending" : "ascending");
  };
}

const tables = [...document.querySelectorAll("table")].filter((table) => table.tBodies[0].rows.length > 1);
const sorts = tables.map(sortable);
const searches = tables.filter((table) => table.tBodies[0].rows.length > SEARCHED).map(searchable);

/** A link that ends in #q=flood&sort=-witness opens the page with its tables searched and sorted. */
function asked() {
  const wishes = new URLSearchParams(location.hash.slice(1));
  if (wishes.has("q")) searches.forEach((search) => search(wishes.get("q")));
  if (wishes.has("sort")) sorts.forEach((sort) => sort(wishes.get("sort")));
}
addEventListener("hashchange", asked);
asked();

/** Say which tables go on beyond their right edge. */
function measured() {
  for (const box of document.querySelectorAll(".wide")) box.toggleAttribute("data-more", box.scrollWidth > box.clientWidth + 1);
}
addEventListener("resize", measured);
measured();

// On paper nothing can be opened.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
