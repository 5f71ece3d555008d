/** What the page does by itself, as the text of a script: it draws the maps and opens what a link leads to. */

/**
 * The script. It takes the maps' data from the elements that `mapFigure` writes. Places on an axis are shares of it, 0 to 1:
 * a double holds them to the byte in every address space but that of 5-level paging.
 */
export const script: string = String.raw`"use strict";
const svgNames = "http://www.w3.org/2000/svg";
const height = 640, addressWidth = 150, lanes = [[158, 76], [238, 44]], labelsAt = 312, lineHeight = 16, thinnest = 3, margin = 10;

function element(parent, name, attributes, text) {
  const made = document.createElementNS(svgNames, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function roughSize(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  let size = Number(bytes);
  while (size >= 1024 && unit < units.length - 1) { size /= 1024; unit++; }
  return (Number.isInteger(size) ? String(size) : "~" + size.toPrecision(size < 1000 ? 3 : 4)) + units[unit];
}

class MemoryMap {
  constructor(figure) {
    const id = figure.dataset.map;
    this.data = JSON.parse(document.getElementById("map-" + id + "-data").textContent);
    this.svg = figure.querySelector("svg");
    this.view = figure.querySelector("output");
    this.even = 0;
    this.from = 0;
    this.to = 1;
    for (const button of figure.querySelectorAll("[data-action]")) {
      button.addEventListener("click", () => this.act(button.dataset.action, button));
    }
    for (const button of figure.querySelectorAll("[data-range]")) {
      button.addEventListener("click", () => { this.show(Number(button.dataset.range)); this.svg.focus(); });
    }
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.svg);
  }

  listen() {
    const keys = { "+": "in", "=": "in", "-": "out", ArrowUp: "up", ArrowDown: "down", 0: "all", Home: "all" };
    this.svg.addEventListener("keydown", (event) => {
      const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
      if (action === undefined) return;
      event.preventDefault();
      this.act(action);
    });
    this.svg.addEventListener("wheel", (event) => {
      // Scrolling down over a whole map scrolls the page.
      if (event.deltaY === 0 || (event.deltaY > 0 && this.from === 0 && this.to === 1)) return;
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY * 0.002), this.placeOf(event));
    }, { passive: false });
    let dragged;
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button === 0) dragged = { y: event.clientY, from: this.from, moved: false, target: event.target };
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (dragged === undefined) return;
      const distance = event.clientY - dragged.y;
      if (!dragged.moved && Math.abs(distance) < 4) return;
      if (!dragged.moved) this.svg.setPointerCapture(event.pointerId);
      dragged.moved = true;
      const length = this.to - this.from;
      this.set(dragged.from - (distance / this.svg.clientHeight) * length, length);
    });
    this.svg.addEventListener("pointercancel", () => { dragged = undefined; });
    this.svg.addEventListener("pointerup", () => {
      const range = dragged === undefined || dragged.moved ? undefined : dragged.target.dataset.range;
      dragged = undefined;
      if (range !== undefined) this.show(Number(range));
    });
  }

  act(action, button) {
    const length = this.to - this.from;
    switch (action) {
      case "in": return this.zoom(0.5);
      case "out": return this.zoom(2);
      case "up": return this.set(this.from - length / 4, length);
      case "down": return this.set(this.from + length / 4, length);
      case "all": return this.set(0, 1);
      case "scale":
        this.even = 1 - this.even;
        button.setAttribute("aria-pressed", String(this.even === 1));
        return this.set(0, 1);
    }
  }

  placeOf(event) {
    const box = this.svg.getBoundingClientRect();
    return this.from + ((event.clientY - box.top) / box.height) * (this.to - this.from);
  }

  zoom(factor, around = (this.from + this.to) / 2) {
    const length = (this.to - this.from) * factor;
    this.set(around - (around - this.from) * factor, length);
  }

  /** Shows a range with some room around it. */
  show(index) {
    const [from, to] = this.data.ranges[index].places[this.even];
    const room = (to - from) * 0.15;
    this.set(from - room, to - from + 2 * room);
  }

  set(from, length) {
    // A view of less than a few bytes shows nothing more.
    const most = Math.min(1, Math.max(length, 1e-15));
    this.from = Math.min(Math.max(0, from), 1 - most);
    this.to = this.from + most;
    this.draw();
  }

  addressAt(place) {
    const pieces = this.data.axes[this.even];
    const piece = pieces.findLast(([, , start]) => start <= place) ?? pieces[0];
    const [from, size, start, length] = piece;
    const share = Math.min(1, Math.max(0, (place - start) / length));
    return BigInt(from) + BigInt(Math.floor(share * Number(size)));
  }

  hex(address) {
    return "0x" + address.toString(16).padStart(this.data.digits, "0");
  }

  draw() {
    const { svg, from, to, data, even } = this;
    const width = Math.max(360, svg.clientWidth);
    const y = (place) => margin + ((place - from) / (to - from)) * (height - 2 * margin);
    svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    svg.dataset.view = from + " " + to;
    svg.replaceChildren();
    const end = lanes[1][0] + lanes[1][1];
    for (const [, size, start, length, isGap] of data.axes[even]) {
      const [top, bottom] = [Math.max(0, y(start)), Math.min(height, y(start + length))];
      if (!isGap || bottom <= top) continue;
      element(svg, "rect", { class: "gap", x: lanes[0][0], y: top, width: end - lanes[0][0], height: bottom - top });
      if (bottom - top < lineHeight) continue;
      const text = "gap " + roughSize(BigInt(size));
      element(svg, "text", { class: "faint", x: lanes[0][0] + 6, y: (top + bottom) / 2 + 4 }, text);
    }
    const labels = [];
    const edges = [];
    for (const [index, range] of data.ranges.entries()) {
      const [top, bottom] = range.places[even].map(y);
      if (bottom < 0 || top > height) continue;
      const [upper, lower] = [Math.max(-2, top), Math.min(height + 2, bottom)];
      const tall = Math.max(thinnest, lower - upper);
      const at = Math.min(upper, height - thinnest);
      const [x, wide] = lanes[range.lane];
      const box = element(svg, "rect", {
        class: "range kind-" + range.kind, x, y: at, width: range.lane === 0 ? end - x : wide, height: tall, "data-range": index,
      });
      element(box, "title", {}, range.name + "\n" + range.extent + "\n" + range.detail);
      labels.push({ index, range, wanted: Math.max(0, at) + Math.min(tall, height - Math.max(0, at)) / 2, tall });
      if (top >= -1 && top < height - 2) edges.push([top, range.extent.split(" ")[0]]);
    }
    this.drawAddresses(edges);
    this.drawLabels(labels, width);
    this.view.textContent = this.hex(this.addressAt(from)) + " to " + this.hex(this.addressAt(to)) +
      (to - from === 1 ? ", all of it" : ", " + roughSize(this.addressAt(to) - this.addressAt(from)));
  }

  drawAddresses(edges) {
    let last = -lineHeight;
    for (const [top, text] of edges.sort(([a], [b]) => a - b)) {
      const line = Math.max(10, top + 4);
      if (line - last < lineHeight - 2) continue;
      last = line;
      element(this.svg, "text", { class: "address", x: addressWidth, y: line }, text);
    }
  }

  /** Names beside the ranges, moved apart where they would overlap; the tallest where there are too many. */
  drawLabels(labels, width) {
    const room = Math.floor(height / lineHeight) - 1;
    const rank = ({ range, tall }) => tall * (range.lane === 0 ? 4 : 1);
    const chosen = labels.length <= room ? labels : labels.toSorted((a, b) => rank(b) - rank(a)).slice(0, room);
    const lines = chosen.toSorted((a, b) => a.wanted - b.wanted || a.range.lane - b.range.lane);
    let last = -lineHeight / 2;
    for (const label of lines) last = label.y = Math.max(label.wanted, last + lineHeight);
    last = height - (labels.length > room ? lineHeight * 1.5 : lineHeight / 2) + lineHeight;
    for (const label of lines.toReversed()) last = label.y = Math.min(label.y, last - lineHeight);
    const end = lanes[1][0] + lanes[1][1];
    for (const { index, range, wanted, y } of lines) {
      element(this.svg, "path", { class: "leader", d: "M" + end + " " + wanted + "L" + (labelsAt - 12) + " " + y + "H" + (labelsAt - 4) });
      const text = element(this.svg, "text", { class: "label lane-" + range.lane, x: labelsAt, y: y + 4, "data-range": index });
      element(text, "title", {}, range.extent);
      const name = element(text, "tspan", { class: "name" }, range.name);
      const detail = element(text, "tspan", { class: "faint" }, "  " + range.detail);
      name.dataset.range = detail.dataset.range = index;
      // The name is what must be seen whole; the last words can be left out first.
      while (detail.textContent !== "" && text.getComputedTextLength() > width - labelsAt - 2) {
        detail.textContent = detail.textContent.split(", ").slice(0, -1).join(", ");
      }
    }
    if (labels.length > room) {
      const text = labels.length - room + " more names: zoom in";
      element(this.svg, "text", { class: "faint", x: labelsAt, y: height - 4 }, text);
    }
  }
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target === null) return;
  for (let each = target; each !== null; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  target.scrollIntoView({ block: "center" });
}

for (const figure of document.querySelectorAll("figure.map")) new MemoryMap(figure);
for (const button of document.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => {
    const inside = button.closest("section").querySelectorAll("details details, .tree > details");
    for (const details of inside) details.open = button.dataset.open === "true";
  });
}
addEventListener("hashchange", openTarget);
openTarget();
`;
