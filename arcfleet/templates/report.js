// Finding, filtering and sorting; without it the page shows everything, in the order of the run.
const all = (selector, of = document) => [...of.querySelectorAll(selector)];
const filter = document.getElementById("filter"), find = document.getElementById("find");
const body = document.querySelector("#sites tbody"), rows = [...body.rows];
const texts = new Map(rows.map(row => [row.dataset.site, row.textContent.toLowerCase()]));
const apply = () => {
  const off = new Set(all("input[type=checkbox]:not(:checked)", filter).map(box => box.value));
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hidden = item => off.has(item.dataset.status) || !words.every(word => texts.get(item.dataset.site).includes(word));
  for (const item of all("[data-site]")) item.hidden = hidden(item);
  document.getElementById("shown").textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length}`;
};
filter.hidden = rows.length < 2;
filter.addEventListener("input", apply);
const value = (row, index) => row.cells[index].dataset.v ?? row.cells[index].textContent;
all("#sites th").forEach((head, index) => {
  head.tabIndex = 0;
  const sort = () => {
    const way = head.ariaSort === "ascending" ? -1 : 1;
    all("#sites th").forEach(other => other.ariaSort = null);
    head.ariaSort = way > 0 ? "ascending" : "descending";
    rows.sort((a, b) => way * value(a, index).localeCompare(value(b, index), "en", {numeric: true}));
    body.append(...rows);
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", event => event.key === "Enter" && sort());
});
