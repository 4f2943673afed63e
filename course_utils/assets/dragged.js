// A picture of which a point is dragged; `grip` stands before this file.
function render({ model, el }) {
  const frame = document.createElement("div"), picture = document.createElement("div");
  frame.style.cssText = "position:relative;display:inline-block;max-width:100%;vertical-align:top;line-height:0";
  frame.append(picture);
  el.append(frame);
  const put = grip(frame, {
    label: model.get("label"), columns: model.get("columns"), rows: model.get("rows"),
    moved: place => { model.set("place", place); model.save_changes(); },
  });
  const show = () => { picture.innerHTML = model.get("value"); };
  const move = () => put(model.get("place"));
  model.on("change:value", show);
  model.on("change:place", move);
  show();
  move();
  return () => { model.off("change:value", show); model.off("change:place", move); };
}

export default { render };
