// Adds a search to each long list; its pages open and close without this.
for (const list of document.querySelectorAll(".long")) {
  const pages = [...list.querySelectorAll("details")].map((page) => {
    const rows = [...page.querySelectorAll("tbody tr")];
    return { page, rows, texts: rows.map((row) => row.textContent.toLowerCase()) };
  });
  const all = pages.reduce((sum, { rows }) => sum + rows.length, 0);
  const box = Object.assign(document.createElement("input"), { type: "search", placeholder: "search" });
  const said = document.createElement("output");
  box.setAttribute("aria-label", `Search ${list.dataset.name}`);
  list.prepend(box, said);
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { page, rows, texts } of pages) {
      const before = found;
      rows.forEach((row, k) => {
        row.hidden = !words.every((word) => texts[k].includes(word));
        found += !row.hidden;
      });
      page.hidden = found === before;
      page.open = !page.hidden && before === 0;
    }
    said.value = words.length ? `${found} of ${all}` : "";
  });
}
