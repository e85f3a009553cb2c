(function () {
"use strict";

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const {packages, dps, states, causes, rows, plan, texts} = data;
const P = packages.length, D = dps.length, R = rows.package.length;
const made = Date.parse(data.made) / 1000;

// What a cell of the map can be; the greater of these wins where several share
// a cell of the picture. OUT is held and not what the filter asks for.
const NONE = 0, OUT = 1, OK = 2, STALE = 3, OPEN = 4, BAD = 5, SHADES = 6;
const shadeOf = {ok: OK, stale: STALE, open: OPEN, bad: BAD};
const shadeWord = ["not meant for it", "other", "installed", "stale", "under way", "failed or stuck"];
const stateShade = states.map((s) => shadeOf[s.kind]);

// ---- Words

// show is text without characters that drive something or turn the direction of
// writing.
const show = (s) => s.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, " ");
const number = (n) => n.toLocaleString("en-US");
const noun = (n, one, many) => (n === 1 ? "1 " + one : number(n) + " " + many);
const text = (i) => (i < 0 ? "" : show(texts[i]));

function ago(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  for (const [size, unit] of units) if (seconds >= size) return Math.floor(seconds / size) + " " + unit;
  return Math.max(0, Math.round(seconds)) + " s";
}
const when = (t) => (t === 0 ? "" : new Date(t * 1000).toISOString().slice(0, 16).replace("T", " "));
function size(kb) {
  const units = ["KB", "MB", "GB", "TB"];
  let u = 0;
  for (; kb >= 1024 && u < units.length - 1; u++) kb /= 1024;
  return (kb < 10 && u > 0 ? kb.toFixed(1) : kb.toFixed(0)) + " " + units[u];
}
const packageText = (p) => show(packages[p].id) + (packages[p].name ? " " + show(packages[p].name) : "");
const dpText = (d) => show(dps[d].name) + " (" + show(dps[d].site) + ")";
// shortName is the host, with its site where hosts of several have that name.
const hosts = dps.map((d) => show(d.name).split(".")[0]);
const hostCount = new Map();
for (const host of hosts) hostCount.set(host, (hostCount.get(host) || 0) + 1);
const shortName = (d) => hosts[d] + (hostCount.get(hosts[d]) > 1 ? " " + show(dps[d].site) : "");

function element(name, className, content) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (content !== undefined) e.textContent = content;
  return e;
}
function button(label, className, press) {
  const b = element("button", className, label);
  b.type = "button";
  b.addEventListener("click", press);
  return b;
}

// ---- What is where

const planOf = new Map(); // place in the plan, by cell
for (let i = 0; i < plan.package.length; i++) planOf.set(plan.package[i] * D + plan.dp[i], i);
const rowOf = new Map(); // place of the row, by cell
for (let r = 0; r < R; r++) rowOf.set(rows.package[r] * D + rows.dp[r], r);

// eachRun calls what for each span of packages that are meant for a
// distribution point.
function eachRun(d, what) {
  const set = data.sets[dps[d].held];
  for (let i = 0, at = 0; i < set.length; i += 2) {
    at += set[i];
    const n = i + 1 < set.length ? set[i + 1] : 0;
    if (n > 0) what(at, at + n);
    at += n;
  }
}

// ---- The filter

const filter = {site: "", state: "", cause: "", dp: "", package: ""};
const dpOK = new Uint8Array(D), packageOK = new Uint8Array(P), rowOK = new Uint8Array(R);
const count = (n) => ({held: new Int32Array(n), shades: Array.from({length: SHADES}, () => new Int32Array(n)), since: new Float64Array(n), trouble: new Int32Array(n)});
let ofDP = count(D), ofPackage = count(P), shown = 0;

const fold = (s) => s.toLowerCase();
const dpKeys = dps.map((d) => fold(d.name));
const packageKeys = packages.map((p) => fold(p.id + " " + (p.name || "")));
const narrowed = () => filter.state !== "" || filter.cause !== "";
const wantsOK = () => filter.cause === "" && (filter.state === "" || filter.state === "0");

function applyFilter() {
  const dp = fold(filter.dp.trim()), pkg = fold(filter.package.trim());
  for (let d = 0; d < D; d++) dpOK[d] = (filter.site === "" || dps[d].site === filter.site) && dpKeys[d].includes(dp) ? 1 : 0;
  for (let p = 0; p < P; p++) packageOK[p] = packageKeys[p].includes(pkg) ? 1 : 0;
  shown = 0;
  for (let r = 0; r < R; r++) {
    rowOK[r] = dpOK[rows.dp[r]] && packageOK[rows.package[r]] && (filter.state === "" || rows.state[r] === +filter.state) &&
      (filter.cause === "" || rows.cause[r] >= 0 && causes[rows.cause[r]].name === filter.cause) ? 1 : 0;
    shown += rowOK[r];
  }
  countAll();
}

// countAll counts for each distribution point and package what the filter lets
// through.
function countAll() {
  ofDP = count(D);
  ofPackage = count(P);
  const before = new Int32Array(P + 1), change = new Int32Array(P + 1);
  for (let p = 0; p < P; p++) before[p + 1] = before[p] + packageOK[p];
  for (let d = 0; d < D; d++) {
    if (!dpOK[d]) continue;
    eachRun(d, (from, to) => {
      ofDP.held[d] += before[to] - before[from];
      change[from]++;
      change[to]--;
    });
  }
  for (let p = 0, n = 0; p < P; p++) ofPackage.held[p] = packageOK[p] ? (n += change[p], n) : (n += change[p], 0);
  for (let r = 0; r < R; r++) {
    const d = rows.dp[r], p = rows.package[r];
    if (!dpOK[d] || !packageOK[p]) continue;
    ofDP.trouble[d]++;
    ofPackage.trouble[p]++;
    if (!rowOK[r]) continue;
    const shade = stateShade[rows.state[r]], since = rows.since[r];
    ofDP.shades[shade][d]++;
    ofPackage.shades[shade][p]++;
    if (since > 0 && (ofDP.since[d] === 0 || since < ofDP.since[d])) ofDP.since[d] = since;
    if (since > 0 && (ofPackage.since[p] === 0 || since < ofPackage.since[p])) ofPackage.since[p] = since;
  }
}

const matched = (c, i) => c.shades[STALE][i] + c.shades[OPEN][i] + c.shades[BAD][i];
// listed are the places that have anything that the filter lets through.
function listed(c, n, ok) {
  const out = [];
  for (let i = 0; i < n; i++) if (ok[i] && (wantsOK() ? c.held[i] > 0 : matched(c, i) > 0)) out.push(i);
  return out;
}

// ---- Tables

// Table lists what rows() gives, pageSize at a time. A column has a label, what
// to sort by, and how to fill its cell.
class Table {
  constructor(box, options) {
    Object.assign(this, {pageSize: 50, limit: 0}, options);
    this.box = box;
    this.limit = this.pageSize;
    [this.sortBy, this.down] = this.initial;
    this.box.append(this.makePresets(), this.makeTable(), this.makeMore());
  }
  makePresets() {
    const box = element("div", "presets");
    for (const [label, column, down] of this.presets || []) {
      const b = button(label, "", () => this.sort(column, down));
      b.dataset.column = column;
      box.append(b);
    }
    return (this.presetBox = box);
  }
  makeTable() {
    const table = element("table", this.columns.some((c) => c.num) ? "cards three" : "cards");
    table.setAttribute("role", "table");
    table.append(element("caption", "hidden", this.caption));
    const head = element("thead"), line = element("tr");
    head.setAttribute("role", "rowgroup");
    line.setAttribute("role", "row");
    this.columns.forEach((column, i) => {
      const th = element("th", column.num ? "num" : "");
      th.scope = "col";
      th.setAttribute("role", "columnheader");
      th.append(button(column.label, "", () => this.sort(i, this.sortBy === i ? !this.down : !!column.num)));
      line.append(th);
    });
    head.append(line);
    this.heads = [...line.children];
    this.body = element("tbody");
    this.body.setAttribute("role", "rowgroup");
    table.append(head, this.body);
    const scroll = element("div", "scroll");
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", this.caption);
    scroll.tabIndex = 0;
    scroll.append(table);
    this.empty = element("p", "empty", this.nothing);
    const box = element("div");
    box.append(scroll, this.empty);
    this.scroll = scroll;
    return box;
  }
  makeMore() {
    this.moreBox = element("div", "more");
    this.moreText = element("span");
    this.moreText.setAttribute("role", "status");
    this.moreButton = button("", "", () => {
      this.limit += 200;
      this.fill();
    });
    this.moreBox.append(this.moreText, this.moreButton);
    return this.moreBox;
  }
  sort(column, down) {
    this.sortBy = column;
    this.down = down;
    this.limit = this.pageSize;
    this.update();
  }
  update() {
    const value = this.columns[this.sortBy].value, sign = this.down ? -1 : 1;
    // What is not known comes last, in whichever direction.
    const keyed = this.rows().map((i) => ({i, key: value(i)}));
    const rank = (k) => (k === null || k === "" ? 1 : 0);
    keyed.sort((a, b) => rank(a.key) - rank(b.key) || sign * (typeof a.key === "string" ? (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) : a.key - b.key) || a.i - b.i);
    this.order = keyed.map((k) => k.i);
    this.heads.forEach((th, i) => (i === this.sortBy ? th.setAttribute("aria-sort", this.down ? "descending" : "ascending") : th.removeAttribute("aria-sort")));
    for (const b of this.presetBox.children) b.setAttribute("aria-pressed", String(+b.dataset.column === this.sortBy));
    this.fill();
  }
  fill() {
    const part = this.order.slice(0, this.limit), lines = document.createDocumentFragment();
    for (const i of part) {
      const line = element("tr");
      line.setAttribute("role", "row");
      this.columns.forEach((column, c) => {
        const cell = element(c === 0 ? "th" : "td", (column.num ? "num " : "") + (column.wide ? "wide" : ""));
        if (c === 0) cell.scope = "row";
        cell.setAttribute("role", c === 0 ? "rowheader" : "cell");
        cell.dataset.label = column.label;
        column.fill(cell, i);
        line.append(cell);
      });
      lines.append(line);
    }
    this.body.replaceChildren(lines);
    const n = this.order.length;
    this.empty.hidden = n > 0;
    this.scroll.hidden = n === 0;
    this.presetBox.hidden = n === 0 || !this.presets;
    this.moreBox.hidden = n <= this.pageSize;
    this.moreText.textContent = number(part.length) + " of " + number(n) + " shown.";
    this.moreButton.hidden = part.length === n;
    this.moreButton.textContent = "Show " + number(Math.min(200, n - part.length)) + " more";
  }
}

const plain = (get) => (cell, i) => (cell.textContent = get(i));
const numberCell = (get) => (cell, i) => {
  const n = get(i);
  cell.textContent = n === null ? "–" : number(n);
};
function packageCell(cell, p) {
  cell.append(show(packages[p].id));
  if (packages[p].name) cell.append(element("span", "sub", show(packages[p].name)));
}
function dpCell(cell, d) {
  cell.append(show(dps[d].name), " ", element("span", "muted", show(dps[d].site)));
}
function stateCell(cell, state) {
  cell.append(element("span", "state k-" + states[state].kind, show(states[state].name)));
}
function sinceCell(cell, since) {
  if (since === 0) return void (cell.textContent = "–");
  const time = element("time", "", ago(made - since));
  time.dateTime = new Date(since * 1000).toISOString();
  cell.append(time, element("span", "sub date", when(since)));
}
const cellOf = (r) => rows.package[r] * D + rows.dp[r];
function planText(cell) {
  const i = planOf.get(cell);
  if (i === undefined) return "not looked at";
  return plan.skip[i] < 0 ? "send, turn " + number(plan.turn[i]) : "skip: " + text(plan.skip[i]);
}
function planKey(r) {
  const i = planOf.get(cellOf(r));
  return i === undefined ? null : plan.skip[i] < 0 ? plan.turn[i] : 1e9 + plan.skip[i];
}
function causeCell(cell, r) {
  const c = rows.cause[r];
  cell.append(c < 0 ? "not looked at" : show(causes[c].name));
  const message = text(rows.message[r]) || (c < 0 ? "" : show(causes[c].words));
  if (message) cell.append(element("span", "sub message", message));
}

const list = new Table(byId("list-table"), {
  caption: "Packages on distribution points that are not installed", nothing: "Nothing here.", pageSize: 100, initial: [2, true],
  rows: () => {
    const out = [];
    for (let r = 0; r < R; r++) if (rowOK[r]) out.push(r);
    return out;
  },
  columns: [
    {label: "Package", value: (r) => packages[rows.package[r]].id, fill: (cell, r) => packageCell(cell, rows.package[r])},
    {label: "Distribution point", value: (r) => dps[rows.dp[r]].name, fill: (cell, r) => dpCell(cell, rows.dp[r])},
    {label: "State", value: (r) => stateShade[rows.state[r]] * 100 + rows.state[r], fill: (cell, r) => stateCell(cell, rows.state[r])},
    {label: "For", value: (r) => (rows.since[r] ? made - rows.since[r] : null), fill: (cell, r) => sinceCell(cell, rows.since[r])},
    {label: "Cause", wide: true, value: (r) => (rows.cause[r] < 0 ? "" : causes[rows.cause[r]].name), fill: causeCell},
    {label: "A refresh would", wide: true, value: planKey, fill: (cell, r) => {
      cell.textContent = planText(cellOf(r));
      const i = planOf.get(cellOf(r));
      if (i !== undefined && plan.reason[i] >= 0 && text(plan.reason[i]) !== text(rows.message[r])) cell.append(element("span", "sub", text(plan.reason[i])));
    }},
  ],
});

// counted are the columns that distribution points and packages share.
function counted(counts, things) {
  const get = () => counts();
  const arrival = (i) => (things[i].arrivals ? things[i].arrivalSeconds || 0 : null);
  const share = (i) => (get().held[i] ? get().shades[BAD][i] / get().held[i] : 0);
  return [
    {label: "Rows", num: true, value: (i) => get().held[i], fill: numberCell((i) => get().held[i])},
    {label: "Failed, stuck", num: true, value: (i) => get().shades[BAD][i], fill: (cell, i) => {
      const n = get().shades[BAD][i];
      cell.textContent = number(n) + (n ? " (" + (share(i) < 0.01 ? "<1" : Math.round(share(i) * 100)) + " %)" : "");
      if (n) cell.classList.add("t-bad");
    }},
    {label: "Under way", num: true, value: (i) => get().shades[OPEN][i], fill: numberCell((i) => get().shades[OPEN][i])},
    {label: "Stale", num: true, value: (i) => get().shades[STALE][i], fill: numberCell((i) => get().shades[STALE][i])},
    {label: "Longest", num: true, value: (i) => (get().since[i] ? made - get().since[i] : null), fill: plain((i) => (get().since[i] ? ago(made - get().since[i]) : "–"))},
    {label: "Arrival", num: true, value: arrival, fill: plain((i) => (arrival(i) === null ? "–" : ago(arrival(i))))},
  ];
}

const dpTable = new Table(byId("dps-table"), {
  caption: "Distribution points", nothing: "No distribution point here.", pageSize: 20, initial: [3, true],
  presets: [["Most failures", 3, true], ["Longest not installed", 6, true], ["Slowest arrival", 7, true]],
  rows: () => listed(ofDP, D, dpOK),
  columns: [
    {label: "Distribution point", value: (d) => dps[d].name, fill: plain((d) => show(dps[d].name))},
    {label: "Site", value: (d) => dps[d].site, fill: plain((d) => show(dps[d].site))},
    ...counted(() => ofDP, dps),
  ],
});
const packageTable = new Table(byId("packages-table"), {
  caption: "Packages", nothing: "No package here.", pageSize: 20, initial: [4, true],
  presets: [["Most failures", 4, true], ["Longest not installed", 7, true], ["Slowest arrival", 8, true]],
  rows: () => listed(ofPackage, P, packageOK),
  columns: [
    {label: "Package", value: (p) => packages[p].id, fill: packageCell},
    {label: "Type", value: (p) => packages[p].type, fill: plain((p) => show(packages[p].type))},
    {label: "Size", num: true, value: (p) => packages[p].sizeKB || null, fill: plain((p) => (packages[p].sizeKB ? size(packages[p].sizeKB) : "–"))},
    ...counted(() => ofPackage, packages),
  ],
});

// ---- The map

const MOST_CELLS = 2e7; // that are held one by one
const map = {
  canvas: byId("m-canvas"), box: byId("m-canvas-box"), worst: true, asTable: false,
  ps: [], ds: [], // the places that the map shows, in its order
  views: [], // spans of ps and ds, the last one is shown
  left: false, // whether some had no room
  grid: null, cursor: {row: 0, column: 0},
};

// choose picks what the map shows and its order.
function choose() {
  const compare = (c, name) => (a, b) => map.worst
    ? c.shades[BAD][b] - c.shades[BAD][a] || matched(c, b) - matched(c, a) || name(a, b)
    : name(a, b);
  const text = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  map.ps = listed(ofPackage, P, packageOK).sort(compare(ofPackage, (a, b) => text(packages[a].id, packages[b].id) || a - b));
  map.ds = listed(ofDP, D, dpOK).sort(compare(ofDP, (a, b) => text(dps[a].site, dps[b].site) || text(dpKeys[a], dpKeys[b]) || a - b));
  map.left = map.ps.length * map.ds.length > MOST_CELLS;
  if (map.left) {
    // What is well has to go, and of the rest the end.
    map.ps = map.ps.filter((p) => matched(ofPackage, p) > 0);
    map.ds = map.ds.filter((d) => matched(ofDP, d) > 0);
    const ratio = Math.sqrt(MOST_CELLS / Math.max(1, map.ps.length * map.ds.length));
    if (ratio < 1) {
      map.ps.length = Math.floor(map.ps.length * ratio);
      map.ds.length = Math.floor(map.ds.length * ratio);
    }
  }
  fillCells();
  map.views = [{p0: 0, p1: map.ps.length, d0: 0, d1: map.ds.length}];
  map.cursor = {row: 0, column: 0};
}

// fillCells says of each cell, distribution points of packages in the map's
// order, what it is.
function fillCells() {
  const n = map.ps.length, placeOf = new Int32Array(P).fill(-1), dpPlace = new Int32Array(D).fill(-1);
  map.ps.forEach((p, i) => (placeOf[p] = i));
  map.ds.forEach((d, i) => (dpPlace[d] = i));
  map.cells = new Uint8Array(n * map.ds.length);
  const held = wantsOK() ? OK : OUT;
  map.ds.forEach((d, column) => eachRun(d, (from, to) => {
    for (let p = from; p < to; p++) if (placeOf[p] >= 0) map.cells[column * n + placeOf[p]] = held;
  }));
  for (let r = 0; r < R; r++) {
    const i = placeOf[rows.package[r]], column = dpPlace[rows.dp[r]];
    if (i >= 0 && column >= 0) map.cells[column * n + i] = rowOK[r] ? stateShade[rows.state[r]] : OUT;
  }
}

const view = () => map.views[map.views.length - 1];

// layout decides how many packages and distribution points share a cell of the
// picture, and where it is.
function layout() {
  const v = view(), n = v.p1 - v.p0, m = v.d1 - v.d0;
  const width = Math.max(200, byId("map").clientWidth), height = 504, least = 7;
  const perRow = Math.max(1, Math.ceil(n / Math.floor(height / least)));
  const rowCount = Math.ceil(n / perRow), cellH = Math.max(least, Math.min(22, Math.floor(height / Math.max(1, rowCount))));
  const left = perRow === 1 && cellH >= 12 ? Math.min(96, Math.floor(width / 3)) : 0;
  const perColumn = Math.max(1, Math.ceil(m / Math.floor((width - left) / least)));
  const columnCount = Math.ceil(m / perColumn), cellW = Math.min(96, (width - left) / Math.max(1, columnCount));
  const top = perColumn === 1 && cellW >= 14 ? (cellW >= 80 ? 20 : 84) : 0;
  return {perRow, perColumn, rows: rowCount, columns: columnCount, cellW, cellH, left, top, width, height: top + cellH * rowCount + 1};
}

// tally counts for each cell of the picture what is in it.
function tally(g) {
  const v = view(), n = map.ps.length;
  g.counts = new Int32Array(g.rows * g.columns * SHADES);
  for (let d = v.d0; d < v.d1; d++) {
    const column = Math.floor((d - v.d0) / g.perColumn);
    for (let p = v.p0; p < v.p1; p++) {
      g.counts[(Math.floor((p - v.p0) / g.perRow) * g.columns + column) * SHADES + map.cells[d * n + p]]++;
    }
  }
}

let palette = null;
function colours() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(name).trim();
  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const c = {text: get("--muted"), cursor: get("--map-cursor"), ink: get("--panel"), shade: []};
  ["--map-none", "--map-out", "--map-ok", "--map-stale", "--map-open", "--map-bad"].forEach((name) => c.shade.push(parts(get(name))));
  return (palette = c);
}

// paint is the worst shade of a cell and its colour: the more of it, the
// stronger, and even one of thousands is seen.
function paint(counts, at) {
  let all = 0, worst = NONE;
  for (let s = OUT; s < SHADES; s++) {
    all += counts[at + s];
    if (counts[at + s] > 0) worst = s;
  }
  let rgb = palette.shade[worst];
  if (worst > OK) {
    const from = palette.shade[counts[at + OK] > 0 ? OK : OUT], t = 0.35 + 0.65 * Math.sqrt(counts[at + worst] / all);
    rgb = rgb.map((c, i) => Math.round(from[i] + (c - from[i]) * t));
  }
  return {worst, colour: "rgb(" + rgb.join(",") + ")"};
}

function draw() {
  if (map.asTable) return;
  const g = map.grid, canvas = map.canvas, scale = window.devicePixelRatio || 1, c = canvas.getContext("2d");
  canvas.width = Math.round(g.width * scale);
  canvas.height = Math.round(g.height * scale);
  canvas.style.height = g.height + "px";
  c.setTransform(scale, 0, 0, scale, 0, 0);
  for (let row = 0; row < g.rows; row++) {
    for (let column = 0; column < g.columns; column++) {
      const {worst, colour} = paint(g.counts, (row * g.columns + column) * SHADES);
      const x = g.left + column * g.cellW, y = g.top + row * g.cellH;
      c.fillStyle = colour;
      c.fillRect(x, y, g.cellW - 1, g.cellH - 1);
      if (g.cellH >= 12 && g.cellW >= 12 && worst > OK) sign(c, worst, x + g.cellW / 2 - 0.5, y + g.cellH / 2 - 0.5);
    }
  }
  labels(c, g);
  if (g.rows > 0) {
    c.strokeStyle = palette.cursor;
    c.lineWidth = 2;
    c.strokeRect(g.left + map.cursor.column * g.cellW - 0.5, g.top + map.cursor.row * g.cellH - 0.5, g.cellW, g.cellH);
  }
}

// sign says without colour what a cell is.
function sign(c, shade, x, y) {
  c.strokeStyle = c.fillStyle = palette.ink;
  c.lineWidth = 1.5;
  c.beginPath();
  if (shade === BAD) {
    c.moveTo(x - 3, y - 3); c.lineTo(x + 3, y + 3); c.moveTo(x + 3, y - 3); c.lineTo(x - 3, y + 3);
  } else if (shade === OPEN) {
    c.moveTo(x - 3, y); c.lineTo(x + 3, y);
  } else {
    c.moveTo(x - 3, y - 2); c.lineTo(x, y + 2); c.lineTo(x + 3, y - 2);
  }
  c.stroke();
}

function cut(c, s, width) {
  if (c.measureText(s).width <= width) return s;
  while (s.length > 1 && c.measureText(s + "…").width > width) s = s.slice(0, -1);
  return s + "…";
}
function labels(c, g) {
  const v = view();
  c.fillStyle = palette.text;
  c.font = "11px " + getComputedStyle(document.body).fontFamily;
  c.textBaseline = "middle";
  if (g.left) for (let i = 0; i < g.rows; i++) c.fillText(cut(c, show(packages[map.ps[v.p0 + i]].id), g.left - 8), 0, g.top + (i + 0.5) * g.cellH);
  if (!g.top) return;
  for (let i = 0; i < g.columns; i++) {
    const name = shortName(map.ds[v.d0 + i]);
    c.save();
    if (g.cellW >= 80) {
      c.fillText(cut(c, name, g.cellW - 6), g.left + i * g.cellW, 9);
    } else {
      c.translate(g.left + (i + 0.5) * g.cellW, g.top - 5);
      c.rotate(-Math.PI / 2);
      c.fillText(cut(c, name, g.top - 8), 0, 0);
    }
    c.restore();
  }
}

// ---- The map in words

function span(row, column) {
  const v = view(), g = map.grid;
  const p0 = v.p0 + row * g.perRow, d0 = v.d0 + column * g.perColumn;
  return {p0, p1: Math.min(v.p1, p0 + g.perRow), d0, d1: Math.min(v.d1, d0 + g.perColumn)};
}
const single = (s) => s.p1 - s.p0 === 1 && s.d1 - s.d0 === 1;
const rangeText = (first, last, n, one) => (n === 1 ? first : map.worst ? noun(n, "", one).trim() + " from " + first + " to " + last : first + " to " + last);
const packagesText = (s) => rangeText(show(packages[map.ps[s.p0]].id), show(packages[map.ps[s.p1 - 1]].id), s.p1 - s.p0, "packages");
const dpsText = (s) => rangeText(shortName(map.ds[s.d0]), shortName(map.ds[s.d1 - 1]), s.d1 - s.d0, "distribution points");

function cellWords(row, column) {
  const s = span(row, column), g = map.grid;
  if (single(s)) {
    const p = map.ps[s.p0], d = map.ds[s.d0], r = rowOf.get(p * D + d), shade = map.cells[s.d0 * map.ps.length + s.p0];
    if (shade === NONE) return "not meant for it";
    if (r === undefined) return data.partial ? "not in a state that was asked for" : show(states[0].name);
    return show(states[rows.state[r]].name) + (rows.cause[r] >= 0 ? ", " + show(causes[rows.cause[r]].name) : "") + (rows.since[r] ? ", for " + ago(made - rows.since[r]) : "");
  }
  const parts = [], at = (row * g.columns + column) * SHADES;
  for (let k = BAD; k >= OUT; k--) if (g.counts[at + k] > 0) parts.push(number(g.counts[at + k]) + " " + shadeWord[k]);
  return parts.length ? parts.join(", ") : "nothing is meant for them";
}
function describe(row, column) {
  const s = span(row, column);
  if (single(s)) return packageText(map.ps[s.p0]) + " on " + dpText(map.ds[s.d0]) + ": " + cellWords(row, column) + ".";
  return packagesText(s) + " on " + dpsText(s) + ": " + cellWords(row, column) + ".";
}

function fillWhere() {
  const v = view(), g = map.grid;
  let words = noun(v.p1 - v.p0, "package", "packages") + " × " + noun(v.d1 - v.d0, "distribution point", "distribution points");
  if (g.perRow > 1 || g.perColumn > 1) words += "; a cell is up to " + g.perRow + " × " + g.perColumn;
  if (map.left) words += "; those that are well had no room";
  byId("m-where").textContent = words;
  byId("m-up").disabled = map.views.length === 1;
}

// asTable writes the picture as a table.
function fillTable() {
  const g = map.grid, v = view(), table = element("table", "grid");
  table.append(element("caption", "hidden", "The map: packages down, distribution points across"));
  const head = element("thead"), line = element("tr"), corner = element("th", "", "Package");
  corner.scope = "col";
  line.append(corner);
  for (let column = 0; column < g.columns; column++) {
    const th = element("th", "", dpsText(span(0, column)));
    th.scope = "col";
    line.append(th);
  }
  head.append(line);
  const body = element("tbody");
  for (let row = 0; row < g.rows; row++) {
    const tr = element("tr"), th = element("th", "", packagesText(span(row, 0)));
    th.scope = "row";
    tr.append(th);
    for (let column = 0; column < g.columns; column++) tr.append(element("td", "", cellWords(row, column)));
    body.append(tr);
  }
  table.append(head, body);
  byId("m-table-box").replaceChildren(g.rows ? table : element("p", "empty", "Nothing here."));
}

function redraw() {
  map.grid = layout();
  tally(map.grid);
  map.cursor.row = Math.max(0, Math.min(map.cursor.row, map.grid.rows - 1));
  map.cursor.column = Math.max(0, Math.min(map.cursor.column, map.grid.columns - 1));
  fillWhere();
  if (map.asTable) fillTable(); else draw();
  byId("m-readout").textContent = map.grid.rows ? describe(map.cursor.row, map.cursor.column) : "Nothing here.";
}

function move(row, column, say) {
  const g = map.grid;
  if (!g.rows) return;
  map.cursor = {row: Math.max(0, Math.min(g.rows - 1, row)), column: Math.max(0, Math.min(g.columns - 1, column))};
  draw();
  const words = describe(map.cursor.row, map.cursor.column);
  byId("m-readout").textContent = words;
  if (say) byId("m-live").textContent = words;
}

function open() {
  if (!map.grid.rows) return;
  const s = span(map.cursor.row, map.cursor.column);
  if (single(s)) return detail(map.ps[s.p0], map.ds[s.d0]);
  map.views.push(s);
  map.cursor = {row: 0, column: 0};
  redraw();
  byId("m-live").textContent = "Zoomed in: " + byId("m-where").textContent + ". " + describe(0, 0);
}
function up() {
  if (map.views.length === 1) return;
  const old = map.views.pop();
  map.grid = layout();
  const v = view();
  map.cursor = {row: Math.floor((old.p0 - v.p0) / map.grid.perRow), column: Math.floor((old.d0 - v.d0) / map.grid.perColumn)};
  redraw();
  byId("m-live").textContent = "Zoomed out: " + byId("m-where").textContent + ".";
}

function detail(p, d) {
  const r = rowOf.get(p * D + d), box = byId("m-detail"), dl = element("dl");
  const add = (name, value) => {
    if (!value) return;
    dl.append(element("dt", "", name), element("dd", "", value));
  };
  add("Package", packageText(p));
  add("Type", show(packages[p].type) + (packages[p].sizeKB ? ", " + size(packages[p].sizeKB) : ""));
  add("Distribution point", dpText(d));
  const s = span(map.cursor.row, map.cursor.column), shade = map.cells[s.d0 * map.ps.length + s.p0];
  add("State", r === undefined ? (shade === NONE ? "not meant for it" : data.partial ? "not in a state that was asked for" : show(states[0].name)) : show(states[rows.state[r]].name));
  if (r !== undefined) {
    add("Since", rows.since[r] ? when(rows.since[r]) + " UTC, " + ago(made - rows.since[r]) + " before the report" : "");
    const c = causes[rows.cause[r]];
    if (c) {
      add("Cause", show(c.name) + ": " + show(c.words) + " (" + show(c.confidence) + ")");
      add("Message", text(rows.message[r]));
      add("What to do", show(c.advice));
    }
    const i = planOf.get(p * D + d);
    add("A refresh would", planText(p * D + d) + (i !== undefined && plan.reason[i] >= 0 ? ": " + text(plan.reason[i]) : ""));
  }
  const links = element("p", "more");
  links.append(button("Only this distribution point", "", () => setFilter({dp: dps[d].name})), button("Only this package", "", () => setFilter({package: packages[p].id})),
    button("Close", "", () => { box.hidden = true; map.canvas.focus(); }));
  box.replaceChildren(dl, links);
  box.hidden = false;
  byId("m-live").textContent = [...dl.children].map((e) => e.textContent).join(" ");
}

function cellAt(event) {
  const box = map.canvas.getBoundingClientRect(), g = map.grid;
  const row = Math.floor((event.clientY - box.top - g.top) / g.cellH), column = Math.floor((event.clientX - box.left - g.left) / g.cellW);
  return row >= 0 && row < g.rows && column >= 0 && column < g.columns ? {row, column} : null;
}

const keys = {
  ArrowUp: (c) => [c.row - 1, c.column], ArrowDown: (c) => [c.row + 1, c.column], ArrowLeft: (c) => [c.row, c.column - 1], ArrowRight: (c) => [c.row, c.column + 1],
  Home: (c) => [c.row, 0], End: (c) => [c.row, Infinity], PageUp: (c) => [c.row - 10, c.column], PageDown: (c) => [c.row + 10, c.column],
};
map.canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (keys[event.key]) move(...keys[event.key](map.cursor), true);
  else if (event.key === "Enter" || event.key === " ") open();
  else if (event.key === "Escape" || event.key === "Backspace") up();
  else return;
  event.preventDefault();
});
map.canvas.addEventListener("click", (event) => {
  const at = cellAt(event);
  if (!at) return;
  move(at.row, at.column, false);
  open();
});
map.canvas.addEventListener("mousemove", (event) => {
  const at = cellAt(event);
  map.canvas.style.cursor = at ? "pointer" : "default";
  if (at) byId("m-readout").textContent = describe(at.row, at.column);
});
map.canvas.addEventListener("mouseleave", () => move(map.cursor.row, map.cursor.column, false));
byId("m-up").addEventListener("click", up);
byId("m-order").addEventListener("change", (event) => {
  map.worst = event.target.value === "worst";
  choose();
  redraw();
});
byId("m-table").addEventListener("click", (event) => {
  map.asTable = !map.asTable;
  event.currentTarget.setAttribute("aria-pressed", String(map.asTable));
  map.box.hidden = map.asTable;
  byId("m-table-box").hidden = !map.asTable;
  byId("m-help").hidden = map.asTable;
  redraw();
});

// ---- All together

const fields = {site: byId("f-site"), state: byId("f-state"), cause: byId("f-cause"), dp: byId("f-dp"), package: byId("f-package")};

function fillFields() {
  const option = (select, value, label) => {
    const o = element("option", "", label);
    o.value = value;
    select.append(o);
  };
  for (const name of ["site", "state", "cause"]) option(fields[name], "", "all");
  for (const code of [...new Set(dps.map((d) => d.site))].sort()) option(fields.site, code, show(code));
  const present = new Set(rows.state);
  states.forEach((s, i) => (present.has(i) || i === 0 && !data.partial) && option(fields.state, String(i), show(s.name)));
  for (const name of [...new Set(causes.map((c) => c.name))].sort()) option(fields.cause, name, show(name));
}

function fillLegend() {
  const words = [["bad", "failed or stuck"], ["open", "under way"], ["stale", "stale"], ["ok", "installed"], ["out", "not asked for"], ["none", "not meant for it"]];
  const used = {out: !wantsOK() || data.partial, stale: rows.state.some((s) => stateShade[s] === STALE)};
  byId("legend").replaceChildren(...words.filter(([k]) => used[k] !== false).map(([k, w]) => element("span", "k-" + k, w)));
}

function update() {
  applyFilter();
  let held = 0;
  for (let d = 0; d < D; d++) held += ofDP.held[d];
  byId("f-count").textContent = number(shown) + " of " + noun(R, "row", "rows") + " that " + (R === 1 ? "is" : "are") + " not installed" + (narrowed() ? "" : "; " + noun(held, "row", "rows") + " in all") + ".";
  list.limit = list.pageSize;
  list.nothing = filter.state === "0" ? "What is installed is in the map and counted below; this list has the rest." : R === 0 ? "Everything is installed." : "Nothing here: the filter lets nothing through.";
  list.empty.textContent = list.nothing;
  list.update();
  dpTable.update();
  packageTable.update();
  fillLegend();
  byId("m-detail").hidden = true;
  choose();
  redraw();
}

function setFilter(change) {
  Object.assign(filter, change);
  for (const name in fields) fields[name].value = filter[name];
  update();
  byId("list").scrollIntoView();
}

let waiting = 0;
for (const name in fields) {
  fields[name].addEventListener("input", () => {
    filter[name] = fields[name].value;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(update);
  });
}
byId("filter").addEventListener("submit", (event) => event.preventDefault());
byId("filter").addEventListener("reset", () => {
  for (const name in filter) filter[name] = "";
  requestAnimationFrame(update);
});
for (const place of document.querySelectorAll(".go")) {
  const {filter: name, value} = place.dataset;
  if (![...fields[name].options].some((o) => o.value === value) && name === "site" && !dps.some((d) => d.site === value)) continue;
  const b = button(place.textContent, "", () => setFilter({[name]: value}));
  b.title = "Show only these below";
  place.replaceChildren(b);
}
byId("save").hidden = false;
byId("save").addEventListener("click", () => {
  const a = element("a");
  a.href = URL.createObjectURL(new Blob([byId("data").textContent], {type: "application/json"}));
  a.download = "dpremote-report.json";
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10000);
});

for (const part of document.querySelectorAll(".scripted, #filter")) part.hidden = false;
fillFields();
colours();
update();
new ResizeObserver(() => requestAnimationFrame(() => byId("map").clientWidth !== map.grid.width && redraw())).observe(byId("map"));
for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => { colours(); redraw(); });
// For whoever measures: how long it took until all was drawn.
document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
