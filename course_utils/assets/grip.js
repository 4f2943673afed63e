// A point of a picture that is dragged with mouse, pen or finger, or moved by the arrow keys, among the places of a grid.
// `frame` holds the picture and is as large; `columns` and `rows` are lists of places [value, share of the way from the
// left or from the top, words]; `moved` is told the place that is chosen. Returns a function that shows another place.
function grip(frame, { label, columns, rows, moved }) {
  const handle = document.createElement("div"), look = document.createElement("style");
  look.textContent = `
    .course-grip { position: absolute; width: 34px; height: 34px; margin: -19px 0 0 -19px; border: 2px solid white;
      outline: 2px solid #444; border-radius: 50%; box-sizing: content-box; cursor: grab; touch-action: none; }
    .course-grip:focus-visible { outline: 4px solid #1f5fa8; }
    .course-grip:active { cursor: grabbing; }
    @media print { .course-grip { display: none; } }`;
  Object.assign(handle, { className: "course-grip", tabIndex: 0, title: "Drag, or use the arrow keys" });
  handle.setAttribute("role", "slider");
  handle.setAttribute("aria-label", label);
  handle.setAttribute("aria-roledescription", "point of the picture, moved by the four arrow keys");
  handle.dataset.lmSuppressShortcuts = "true";  // JupyterLab's, such as the arrows

  const axes = [columns, rows];
  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  let at = axes.map(places => places[0][0]);

  const nearest = (places, wanted, part) => places.reduce(
    (best, place, k) => Math.abs(place[part] - wanted) < Math.abs(places[best][part] - wanted) ? k : best, 0);
  const share = (places, value) => {
    const [low, from] = places[0], [high, to] = places.at(-1);
    return high === low ? from : from + (to - from) * (value - low) / (high - low);
  };

  function put(place) {
    at = place;
    const [left, top] = axes.map((places, axis) => `${100 * share(places, at[axis])}%`);
    Object.assign(handle.style, { left, top });
    const [column, row] = axes.map((places, axis) => nearest(places, at[axis], 0));
    const said = { min: 0, max: columns.length - 1, now: column, text: `${columns[column][2]}, ${rows[row][2]}` };
    for (const [name, value] of Object.entries(said)) handle.setAttribute(`aria-value${name}`, value);
  }

  function choose(numbers) {
    const place = axes.map((places, axis) => places[Math.min(Math.max(numbers[axis], 0), places.length - 1)][0]);
    if (place.every((value, axis) => value === at[axis])) return;
    put(place);
    moved(place);
  }

  handle.onpointerdown = event => handle.setPointerCapture(event.pointerId);
  handle.onpointermove = event => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = frame.getBoundingClientRect();
    choose([nearest(columns, (event.clientX - box.left) / box.width, 1), nearest(rows, (event.clientY - box.top) / box.height, 1)]);
  };
  handle.onkeydown = event => {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    choose(axes.map((places, axis) =>
      nearest(places, at[axis], 0) + step[axis] * (Math.sign(places.at(-1)[1] - places[0][1]) || 1)));
  };
  frame.append(look, handle);
  return put;
}
