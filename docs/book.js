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
if (!document.querySelector("h1")) {
  document.querySelector("[role=main]").insertAdjacentHTML("afterbegin", "<h1>Search</h1>");
}
