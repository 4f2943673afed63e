// Chromium keeps room for the widest root sign of the font beside every root: take back what this one does not need.
document.fonts.ready.then(() => {
  for (const root of document.querySelectorAll("msqrt")) {
    const spare = root.getBoundingClientRect().right - root.lastElementChild.getBoundingClientRect().right;
    if (spare > 2) root.style.marginInlineEnd = `${2 - spare}px`;
  }
});
