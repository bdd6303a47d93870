
// Maps of points: zoom, search, and choice of groups. It reads the page's own data and writes plain text only.
const numbers = (text) => new Uint16Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const PATHS = [
  (pen, x, y, r) => pen.arc(x, y, r, 0, 7),
  (pen, x, y, r) => pen.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  (pen, x, y, r) => (pen.moveTo(x, y - 1.1 * r), pen.lineTo(x + 1.1 * r, y + 0.9 * r), pen.lineTo(x - 1.1 * r, y + 0.9 * r), pen.closePath()),
  (pen, x, y, r) => (pen.moveTo(x, y - 1.2 * r), pen.lineTo(x + 1.2 * r, y), pen.lineTo(x, y + 1.2 * r), pen.lineTo(x - 1.2 * r, y), pen.closePath()),
];

function pointMap(figure) {
  const canvas = figure.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const places = numbers(canvas.dataset.places);
  const kinds = numbers(canvas.dataset.kinds);
  const groups = JSON.parse(canvas.dataset.groups);
  const texts = figure.querySelector("pre").textContent.split("\n");
  const folded = texts.map(fold);
  const order = [...kinds.keys()].sort((a, b) => ((a * 7919) % 10007) - ((b * 7919) % 10007)); // no group on top
  const chosen = new Set();
  let found = null; // of a search, 1 for each point that has all its words
  let view = { zoom: 1, x: 32768, y: 32768 };
  const middles = groups.map((_, g) => {
    const rows = order.filter((i) => kinds[i] >> 1 === g);
    return rows.length ? [median(rows.map((i) => places[2 * i])), median(rows.map((i) => places[2 * i + 1]))] : null;
  });
  const far = [0, 1].map((side) => places.reduce((most, v, i) => (i % 2 === side && v > most ? v : most), 1));

  const scale = () => view.zoom * Math.min((canvas.clientWidth - 32) / far[0], (canvas.clientHeight - 32) / far[1]);
  const at = (x, y, s) => [canvas.clientWidth / 2 + (x - view.x) * s, canvas.clientHeight / 2 - (y - view.y) * s];
  const visible = (i) => !chosen.size || chosen.has(kinds[i] >> 1);

  function draw() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.lineWidth = 1;
    const s = scale();
    const r = Math.min(5, Math.max(0.8, Math.sqrt((width * height) / kinds.length) / 6) * Math.sqrt(view.zoom));
    for (const lit of found ? [false, true] : [true]) {
      for (const i of order) {
        if (!visible(i) || (found && Boolean(found[i]) !== lit)) continue;
        const [x, y] = at(places[2 * i], places[2 * i + 1], s);
        if (x < -5 || y < -5 || x > width + 5 || y > height + 5) continue;
        const [, , colour, shape] = groups[kinds[i] >> 1];
        pen.globalAlpha = lit ? 0.8 : 0.08;
        pen.fillStyle = pen.strokeStyle = colour;
        if (r < 1.5 && !(kinds[i] & 1)) {
          pen.fillRect(x - r, y - r, 2 * r, 2 * r);
          continue;
        }
        pen.beginPath();
        PATHS[shape](pen, x, y, r);
        kinds[i] & 1 ? pen.stroke() : pen.fill();
      }
    }
    pen.globalAlpha = 1;
    name(s);
  }

  /** Write the names of groups where their points are, the largest first, none over another. */
  function name(s) {
    const style = getComputedStyle(document.documentElement);
    pen.font = "600 13px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.lineJoin = "round";
    pen.lineWidth = 4;
    pen.strokeStyle = style.getPropertyValue("--paper");
    pen.fillStyle = style.getPropertyValue("--ink");
    const taken = [];
    for (const g of [...groups.keys()].sort((a, b) => groups[b][1] - groups[a][1])) {
      if (!groups[g][0] || !middles[g] || (chosen.size && !chosen.has(g))) continue;
      const text = groups[g][0].length > 28 ? `${groups[g][0].slice(0, 27)}…` : groups[g][0];
      const half = pen.measureText(text).width / 2 + 3;
      const [middle, y] = at(...middles[g], s);
      if (middle < 0 || y < 0 || middle > canvas.clientWidth || y > canvas.clientHeight) continue;
      const x = Math.min(Math.max(middle, half), Math.max(half, canvas.clientWidth - half));
      const free = (at) => taken.every(([a, b, c]) => Math.abs(a - x) > half + c || Math.abs(b - at) > 17);
      const line = [0, -18, 18, -36, 36].map((shift) => y + shift).find(free);
      if (line === undefined) continue;
      taken.push([x, line, half]);
      pen.strokeText(text, x, line);
      pen.fillText(text, x, line);
    }
  }

  const told = element("span", { role: "status", "aria-live": "polite" });
  const box = element("input", { type: "search", "aria-label": "Search the points", autocomplete: "off" });
  const tip = element("div", { class: "tip", hidden: "" });
  function count() {
    let shown = 0;
    for (let i = 0; i < kinds.length; i++) if (visible(i) && (!found || found[i])) shown++;
    told.textContent = `${shown.toLocaleString("en")} of ${kinds.length.toLocaleString("en")} points`;
    draw();
  }
  box.addEventListener("input", () => {
    const words = fold(box.value).split(/\s+/).filter(Boolean);
    found = words.length ? Uint8Array.from(folded, (text) => (text && words.every((word) => text.includes(word)) ? 1 : 0)) : null;
    count();
  });
  const buttons = groups.map(([text, size, colour, shape], g) => {
    if (!text) return "";
    const swatch = element("i", { style: `color: ${colour}`, "aria-hidden": "true" }, "●■▲◆"[shape]);
    const button = element("button", { type: "button", "aria-pressed": "false" }, swatch, ` ${text} (${size.toLocaleString("en")})`);
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(!chosen.has(g)));
      chosen.has(g) ? chosen.delete(g) : chosen.add(g);
      count();
    });
    return button;
  });

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const before = scale();
    view.zoom = Math.min(400, Math.max(1, view.zoom * factor));
    const after = scale();
    view.x += (x - canvas.clientWidth / 2) * (1 / before - 1 / after);
    view.y -= (y - canvas.clientHeight / 2) * (1 / before - 1 / after);
    draw();
  }
  const home = () => ((view = { zoom: 1, x: far[0] / 2, y: far[1] / 2 }), draw());
  const keys = { "+": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: home };
  const shifts = { ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  canvas.addEventListener("keydown", (event) => {
    if (keys[event.key]) keys[event.key]();
    else if (shifts[event.key]) {
      view.x += shifts[event.key][0] / scale();
      view.y += shifts[event.key][1] / scale();
      draw();
    } else return;
    event.preventDefault();
  });
  // The wheel scrolls the page until the map is clicked.
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons && event.pointerType === "mouse") {
      view.x -= event.movementX / scale();
      view.y += event.movementY / scale();
      draw();
    }
    point(event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerdown", (event) => point(event.offsetX, event.offsetY));
  // A finger that is lifted leaves too: what it has pointed at stays.
  canvas.addEventListener("pointerleave", (event) => (tip.hidden = event.pointerType === "mouse" || tip.hidden));
  // One finger scrolls the page; two zoom the map, and move it.
  let pinch = null; // of two fingers: their distance and middle
  const fingers = ({ touches: [a, b] }) => {
    const frame = canvas.getBoundingClientRect();
    return { apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY), x: (a.clientX + b.clientX) / 2 - frame.left, y: (a.clientY + b.clientY) / 2 - frame.top };
  };
  const touched = (event) => {
    if (event.touches.length !== 2) return void (pinch = null);
    event.preventDefault();
    const now = fingers(event);
    if (event.type === "touchmove" && pinch) {
      view.x -= (now.x - pinch.x) / scale();
      view.y += (now.y - pinch.y) / scale();
      zoom(now.apart / Math.max(pinch.apart, 1), now.x, now.y);
      tip.hidden = true;
    }
    pinch = now;
  };
  for (const kind of ["touchstart", "touchmove", "touchend", "touchcancel"]) canvas.addEventListener(kind, touched, { passive: false });

  /** Tell the text of the point that is nearest to the pointer, within 12 pixels. */
  function point(x, y) {
    const s = scale();
    let [best, nearest] = [144, -1];
    for (let i = 0; i < kinds.length; i++) {
      if (!visible(i) || (found && !found[i])) continue;
      const [a, b] = at(places[2 * i], places[2 * i + 1], s);
      const distance = (a - x) ** 2 + (b - y) ** 2;
      if (distance < best) [best, nearest] = [distance, i];
    }
    tip.hidden = nearest < 0;
    if (nearest < 0) return;
    const group = groups[kinds[nearest] >> 1][0];
    const sure = kinds[nearest] & 1 ? " (its place is chance)" : "";
    tip.textContent = `${group ? `${group}: ` : ""}${texts[nearest] || "no text in this file"}${sure}`;
    tip.style.left = `${Math.min(x + 12, Math.max(0, canvas.clientWidth - 240))}px`;
    tip.style.top = `${y + 14}px`;
  }

  const tools = [["+", "Zoom in", () => zoom(1.5)], ["−", "Zoom out", () => zoom(1 / 1.5)], ["all", "Show the whole map", home]].map(([text, label, run]) => {
    const button = element("button", { type: "button", "aria-label": label }, text);
    button.addEventListener("click", run);
    return button;
  });
  figure.prepend(element("div", { class: "search" }, element("label", {}, "Search ", box), told, element("span", { class: "tools" }, ...tools)));
  canvas.after(tip);
  figure.querySelector(".points").after(element("div", { class: "legend" }, ...buttons));
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  home();
  count();
}
document.querySelectorAll("figure.map").forEach(pointMap);
