// Chromium keeps room for the widest root sign of the font beside every root: take back what this one does not need.
document.fonts.ready.then(() => {
  for (const root of document.querySelectorAll("msqrt")) {
    const spare = root.getBoundingClientRect().right - root.lastElementChild.getBoundingClientRect().right;
    if (spare > 2) root.style.marginInlineEnd = `${2 - spare}px`;
  }
});

// What the theme leaves out for those who listen to a page.
for (const caption of document.querySelectorAll("p.caption[role=heading]")) caption.ariaLevel = 2;
for (const [part, name] of [[".sidebar-drawer", "All pages"], [".toc-drawer", "On this page"]]) {
  document.querySelector(part)?.setAttribute("aria-label", name);
}
for (const table of document.querySelectorAll(".table-wrapper")) {
  if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;  // so that the keyboard can move it
}
if (!document.querySelector("h1")) {
  document.querySelector("[role=main]").insertAdjacentHTML("afterbegin", "<h1>Search</h1>");
}

// Explorers: the picture of the values that are chosen, out of strips of pictures that were drawn beforehand.
const explore = figure => {
  const about = JSON.parse(figure.dataset.about), picture = figure.querySelector(".picture");
  const rows = [...figure.querySelectorAll(".control")];
  const chosen = rows.map(row => +(row.querySelector("input, [aria-pressed=true]")?.value ?? 0));  // of one value: no more
  const show = () => {
    const place = chosen.reduce((sum, k, row) => sum * about.values[row].length + k, 0);
    const strip = Math.floor(place / about.strip), last = Math.min(about.strip, about.pictures - strip * about.strip) - 1;
    const now = chosen.map((k, row) => `${about.labels[row]} ${about.values[row][k]}`).join(", ");
    picture.style.backgroundImage = `url("${about.strips[strip]}")`;
    picture.style.backgroundSize = `100% ${100 * (last + 1)}%`;
    picture.style.backgroundPositionY = `${last && 100 * (place % about.strip) / last}%`;
    picture.ariaLabel = `${about.alt} Now: ${now}.`;
    put?.(grid.map((places, axis) => places[chosen[about.grip.controls[axis]]][0]));
  };
  const grid = about.grip ? [about.grip.columns, about.grip.rows] : [];
  const put = about.grip && grip(picture.parentElement, { ...about.grip, moved: place => {
    grid.forEach((places, axis) => {
      const number = about.grip.controls[axis];
      slide(number, places.findIndex(([value]) => value === place[axis]));
    });
    show();
  } });
  const slide = (number, k) => {
    const slider = rows[number].querySelector("input");
    chosen[number] = slider.value = k;
    rows[number].querySelector("output").textContent = slider.ariaValueText = about.values[number][k];
  };
  rows.forEach((row, number) => {
    const slider = row.querySelector("input"), buttons = row.querySelectorAll("button");
    slider?.addEventListener("input", () => {
      slide(number, +slider.value);
      show();
    });
    buttons.forEach(button => button.addEventListener("click", () => {
      chosen[number] = +button.value;
      buttons.forEach(one => one.ariaPressed = one === button);
      show();
    }));
  });
  figure.strips = about.strips.map(source => Object.assign(new Image(), { src: source }));
  Promise.all(figure.strips.map(strip => strip.decode())).then(show);
  show();
};
const seen = new IntersectionObserver(
  entries => entries.filter(entry => entry.isIntersecting).forEach(entry => {
    seen.unobserve(entry.target);
    explore(entry.target);
  }), { rootMargin: "600px" });
document.querySelectorAll(".course-explorer").forEach(figure => seen.observe(figure));

// On paper every explorer has its picture, and nothing is folded but the code of figures.
let opened = [];
addEventListener("beforeprint", () => {
  document.querySelectorAll(".course-explorer").forEach(figure => figure.strips ?? explore(figure));
  opened = [...document.querySelectorAll("details:not([open], .hide)")];
  opened.forEach(one => one.open = true);
});
addEventListener("afterprint", () => opened.forEach(one => one.open = false));
