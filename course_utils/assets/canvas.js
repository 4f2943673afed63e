// A place to draw with mouse, pen or finger; a list of prepared drawings serves those who use the keyboard.
// Strokes are lists of points [x, y] with both coordinates from 0 to 1, y downwards.

const SIDE = 280;

function element(tag, properties, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function render({ model, el }) {
  const canvas = element("canvas", { width: SIDE, height: SIDE, textContent: model.get("label") });
  canvas.style.cssText = "border:1px solid #767676;background:#fff;touch-action:none;cursor:crosshair;max-width:100%";
  canvas.setAttribute("role", "img");
  const select = element("select", {}, ["", ...model.get("prepared")].map(
    name => element("option", { value: name, textContent: name || "my own drawing" })));
  const list = element("label", { textContent: "Prepared: " }, [select]);
  const undo = element("button", { type: "button", textContent: "Take back" });
  const clear = element("button", { type: "button", textContent: "Clear" });
  const tools = element("div", {}, [list, undo, clear]);
  tools.style.cssText = "display:flex;gap:.8em;align-items:center;flex-wrap:wrap;margin-bottom:.4em";
  const hide = element("style", { textContent: `#${model.get("stands_in")} {display: none}` });
  el.append(hide, tools, canvas);

  const pen = canvas.getContext("2d");
  let strokes = [], current = null;

  function paint() {
    pen.clearRect(0, 0, SIDE, SIDE);
    Object.assign(pen, { lineWidth: model.get("pen") * SIDE, lineCap: "round", lineJoin: "round", strokeStyle: "#0173b2" });
    for (const stroke of current ? [...strokes, current] : strokes) {
      pen.beginPath();
      stroke.forEach(([x, y], i) => i ? pen.lineTo(x * SIDE, y * SIDE) : pen.moveTo(x * SIDE, y * SIDE));
      if (stroke.length === 1) pen.lineTo(stroke[0][0] * SIDE + 0.1, stroke[0][1] * SIDE);
      pen.stroke();
    }
    const what = select.value || (strokes.length ? `your own, strokes: ${strokes.length}` : "nothing yet");
    canvas.setAttribute("aria-label", `${model.get("label")} Drawn: ${what}.`);
  }

  function take() {
    strokes = model.get("strokes").map(stroke => [...stroke]);
    select.value = model.get("choice");
    paint();
  }

  function give(drawn) {
    model.set({ strokes: drawn, choice: "" });
    model.save_changes();
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const inside = v => Math.round(1000 * Math.min(1, Math.max(0, v))) / 1000;
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  }

  canvas.onpointerdown = event => {
    canvas.setPointerCapture(event.pointerId);
    if (select.value) { strokes = []; select.value = ""; }
    current = [place(event)];
    paint();
  };
  canvas.onpointermove = event => { if (current) { current.push(place(event)); paint(); } };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (!current) return;
    const drawn = [...strokes, current];
    current = null;
    give(drawn);
  };
  undo.onclick = () => give(strokes.slice(0, -1));
  clear.onclick = () => give([]);
  select.onchange = () => { model.set("choice", select.value); model.save_changes(); };
  for (const part of [select, undo, clear]) part.dataset.lmSuppressShortcuts = "true";  // JupyterLab's, such as the arrows
  model.on("change:strokes", take);
  model.on("change:choice", take);
  take();
  return () => { model.off("change:strokes", take); model.off("change:choice", take); };
}

export default { render };
