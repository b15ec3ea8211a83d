const VERDICTS = Object.fromEntries(Object.entries(DATA.letters).map(([verdict, letter]) => [letter, verdict]));
const LEVELS = ["MUST", "SHOULD", "MAY"];
const DRAWN_AT_ONCE = 5000;  // cells
const AT_ONCE = 150;  // rows of a section that are drawn before the reader asks for more
const OPEN_AT_MOST = 400;  // rows that filters may leave for all their sections to be opened
const BROKEN = new Set(["f", "w", "n", "e"]);
const BAD = new Set(["f", "w", "n", "e", "P", "O", "N", "E"]);  // not expected: failures, and known ones that hold
const { columns, rows, sections, requirements } = DATA;
const $ = (id) => document.getElementById(id);
const grid = $("grid");

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escape = (text) => String(text).replace(/[&<>"']/g, (mark) => escapes[mark]);
const marked = (text) => escape(text).replace(/``?([^`]+)``?/g, "<code>$1</code>");
const text = (number) => (number ? DATA.texts[number - 1] : "");
const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

// --- verdicts -------------------------------------------------------------------------------------------------------

function wordsOf(letter) {
  if (letter === "-") return "not run";
  const verdict = VERDICTS[letter.toLowerCase()];
  if (letter === letter.toLowerCase()) return verdict;
  return BROKEN.has(letter.toLowerCase()) ? `${verdict}, known` : `${verdict}, though listed as a known failure`;
}

/* The letter that the version before got, if this column follows one and that verdict was another. */
function before(verdicts, column) {
  if (!columns[column].follows) return null;
  const [was, is] = [verdicts[column - 1], verdicts[column]];
  return was !== "-" && is !== "-" && was.toLowerCase() !== is.toLowerCase() ? was : null;
}

function sign(letter, changed) {
  if (letter === "-") return '<span class="sign absent" aria-hidden="true">·</span>';
  const verdict = VERDICTS[letter.toLowerCase()];
  const kinds = `${verdict}${letter !== letter.toLowerCase() ? " known" : ""}${changed ? " changed" : ""}`;
  return `<span class="sign ${kinds}" aria-hidden="true">${DATA.symbols[verdict]}</span>`;
}

const worth = (letter) => ({ p: 0, o: 0, w: 1, f: 2, n: 2, e: 2 })[letter.toLowerCase()];

function since(column) {
  let [better, worse] = [0, 0];
  for (const row of rows) {
    const was = before(row[4], column);
    if (was === null) continue;
    const change = worth(row[4][column]) - worth(was);
    if (change > 0) worse += 1;
    if (change < 0) better += 1;
  }
  return { better, worse };
}

for (const place of document.querySelectorAll("[data-since]")) {
  const column = Number(place.dataset.since);
  if (!columns[column].follows) continue;
  const { better, worse } = since(column);
  const parts = [];
  if (better) parts.push(`<span class="better">${better} better</span>`);
  if (worse) parts.push(`<span class="worse">${worse} worse</span>`);
  place.innerHTML = parts.join(", ") || '<span class="none">the same</span>';
}
if (!columns.some((column) => column.follows)) {
  for (const place of document.querySelectorAll(".since")) place.remove();
}

// --- filters --------------------------------------------------------------------------------------------------------

let haystacks = null;  // made when somebody searches

function haystack(place) {
  if (haystacks === null) {
    const cited = requirements.map((r) => r.join(" ").toLowerCase());
    haystacks = rows.map((row) => `${row[0]} ${text(row[1])} `.toLowerCase() + row[3].map((r) => cited[r]).join(" "));
  }
  return haystacks[place];
}

function filters() {
  return {
    words: $("text").value.toLowerCase().split(/\s+/).filter(Boolean),
    level: $("level").value,
    verdicts: [...document.querySelectorAll(".chip[aria-pressed=true]")].map((chip) => chip.dataset.verdict),
    broken: $("broken").checked,
    unlisted: $("unlisted").checked,
    differ: $("differ").checked,
  };
}

function shows(place, wanted) {
  const [, , level, , verdicts] = rows[place];
  if (wanted.level !== "" && level !== Number(wanted.level)) return false;
  if (wanted.verdicts.length || wanted.broken || wanted.unlisted || wanted.differ) {
    const letters = [...verdicts];
    const plain = letters.filter((letter) => letter !== "-").map((letter) => letter.toLowerCase());
    if (wanted.verdicts.length && !plain.some((letter) => wanted.verdicts.includes(letter))) return false;
    if (wanted.broken && !plain.some((letter) => BROKEN.has(letter))) return false;
    if (wanted.unlisted && !letters.some((letter) => BAD.has(letter))) return false;
    if (wanted.differ && new Set(plain).size < 2) return false;
  }
  return wanted.words.every((word) => haystack(place).includes(word));
}

// --- the grid -------------------------------------------------------------------------------------------------------

const opened = new Set();  // sections that the reader opened
const closed = new Set();  // sections that the reader closed where filters had opened all
const drawn = new Map();  // how many rows of a section the reader asked for
let found = [];  // for each section, the rows that the filters leave

const edge = columns.map((column, place) => (place > 0 && !column.follows ? "newserver" : ""));

function spans(key) {
  const groups = [];
  columns.forEach((column, place) => {
    const last = groups[groups.length - 1];
    if (last && key(last.column) === key(column)) last.size += 1;
    else groups.push({ column, place, size: 1 });
  });
  return groups;
}

function head() {
  const name = (group) => `<th scope="colgroup" colspan="${group.size}" class="${edge[group.place]}"><span class="stuck">${escape(group.column.name)}</span></th>`;
  const variant = (group) => `<th scope="colgroup" colspan="${group.size}" class="variant ${edge[group.place]}"><span class="stuck">${escape(group.column.variant) || '<span class="unseen">default variant</span>'}</span></th>`;
  const version = (column, place) =>
    `<th scope="col" class="${edge[place]}"><button type="button" tabindex="-1" class="plain run" data-column="${place}" aria-label="${escape(column.label)} on Python ${escape(column.python)}: about this run">${escape(column.version) || "?"}</button><small>py ${escape(column.python)}</small></th>`;
  const variants = columns.some((column) => column.variant);
  const depth = variants ? 3 : 2;
  return `<thead><tr><th scope="col" class="lead" rowspan="${depth}">Check</th>${spans((c) => c.name).map(name).join("")}</tr>` +
    (variants ? `<tr>${spans((c) => c.server).map(variant).join("")}</tr>` : "") +
    `<tr>${columns.map(version).join("")}</tr></thead>`;
}

/* What became of some rows in each column, in a few characters and in words. */
function tallies(places) {
  return columns.map((column, number) => {
    const counts = { f: 0, w: 0, n: 0, e: 0, F: 0, W: 0, held: 0, run: 0 };
    for (const place of places) {
      const letter = rows[place][4][number];
      if (letter === "-") continue;
      counts.run += 1;
      if (letter in counts) counts[letter] += 1;
      else if ("poPO".includes(letter)) counts.held += 1;
    }
    const failed = counts.f + counts.F + counts.n + counts.e;
    const warned = counts.w + counts.W;
    const known = counts.f + counts.n + counts.e === 0 ? " tally-known" : "";
    const parts = [];
    if (failed) parts.push(`<span class="tally-fail${known}">${DATA.symbols.fail}${failed}</span>`);
    if (warned) parts.push(`<span class="tally-warn${counts.w ? "" : " tally-known"}">${DATA.symbols.warn}${warned}</span>`);
    const held = counts.held ? `<span class="tally-pass">${DATA.symbols.pass}</span>` : '<span class="tally-none">–</span>';
    const shown = parts.join(" ") || (counts.run ? held : '<span class="tally-none">·</span>');
    const words = counts.run ? `${failed} failed, ${warned} warned, ${counts.held} held, of ${counts.run}` : "not run";
    return `<td class="${edge[number]}"><span aria-hidden="true" title="${escape(column.label)}: ${words}">${shown}</span><span class="unseen">${words}</span></td>`;
  }).join("");
}

function checkRow(place) {
  const [id, title, level, , verdicts] = rows[place];
  const cells = columns.map((column, number) => {
    const letter = verdicts[number];
    if (letter === "-") return `<td class="${edge[number]}">${sign("-")}<span class="unseen">not run</span></td>`;
    const was = before(verdicts, number);
    const label = `${column.label}: ${wordsOf(letter)}${was === null ? "" : `; the version before: ${wordsOf(was)}`}`;
    return `<td class="${edge[number]}"><button type="button" class="cell" tabindex="-1" data-row="${place}" data-column="${number}" aria-haspopup="dialog" aria-label="${escape(label)}" title="${escape(label)}">${sign(letter, was !== null)}</button></td>`;
  });
  return `<tr class="check" data-row="${place}"><th scope="row" class="lead"><span class="level">${LEVELS[level]}</span>${marked(text(title))}<span class="id">${escape(id.replace(/^conformance\//, ""))}</span></th>${cells.join("")}</tr>`;
}

function sectionRows(number, later = false) {
  const open = isOpen(number);
  const [, document_, heading, url] = sections[number];
  const places = found[number];
  const name = document_ ? `${document_}, ${heading}` : heading;
  const link = url ? ` <a href="${escape(url)}" tabindex="-1" target="_blank" rel="noopener noreferrer" aria-label="${escape(name)}, in the specification">↗</a>` : "";
  const lines = [
    `<tr class="section"><th scope="rowgroup" class="lead"><button type="button" class="toggle" tabindex="-1" aria-expanded="${open}" data-section="${number}">${marked(name)}</button>${link}<span class="count">${many(places.length, "check")}</span></th>${tallies(places)}</tr>`,
  ];
  if (open && later) {
    lines.push(`<tr class="later"><td colspan="${columns.length + 1}" style="height:${44 * Math.min(places.length, AT_ONCE)}px"></td></tr>`);
  } else if (open) {
    const most = drawn.get(number) ?? AT_ONCE;
    lines.push(...places.slice(0, most).map(checkRow));
    if (places.length > most) {
      lines.push(`<tr class="rest"><th class="lead"><button type="button" class="plain more" tabindex="-1" data-more="${number}">Show ${Math.min(AT_ONCE, places.length - most)} more of ${places.length - most}</button></th><td colspan="${columns.length}"></td></tr>`);
    }
  }
  return lines.join("");
}

let openAll = false;
const isOpen = (number) => (openAll ? !closed.has(number) : opened.has(number));

/* Where much is open, a section's rows are drawn when it comes near to what is seen. */
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    if (target.isConnected && target.querySelector(".later")) target.innerHTML = sectionRows(Number(target.dataset.section));
  }
}, { root: document.querySelector(".grid"), rootMargin: "1500px 0px" });

function draw() {
  const wanted = filters();
  const filtering = wanted.words.length || wanted.level !== "" || wanted.verdicts.length || wanted.broken || wanted.unlisted || wanted.differ;
  found = sections.map(([, , , , start, end]) => {
    const places = [];
    for (let place = start; place < end; place += 1) if (shows(place, wanted)) places.push(place);
    return places;
  });
  const total = found.reduce((sum, places) => sum + places.length, 0);
  openAll = Boolean(filtering) && total <= OPEN_AT_MOST;
  const shown = found.reduce((sum, places, number) => sum + (isOpen(number) ? places.length : 0), 0);
  const much = shown * columns.length > DRAWN_AT_ONCE;
  const parts = [head()];
  let protocol = null;
  sections.forEach(([name], number) => {
    if (!found[number].length) return;
    if (name !== protocol) {
      protocol = name;
      const all = sections.flatMap((section, other) => (section[0] === name ? found[other] : []));
      parts.push(`<tbody><tr class="protocol"><th scope="rowgroup" class="lead">${escape(DATA.protocols[name])}</th>${tallies(all)}</tr></tbody>`);
    }
    parts.push(`<tbody data-section="${number}">${sectionRows(number, much)}</tbody>`);
  });
  if (!total) parts.push(`<tbody><tr><td class="empty" colspan="${columns.length + 1}">No check is left by these filters.</td></tr></tbody>`);
  watcher.disconnect();
  grid.innerHTML = parts.join("");
  for (const row of grid.querySelectorAll(".later")) watcher.observe(row.parentElement);
  const left = found.filter((places) => places.length).length;
  $("found").textContent = `${filtering ? `${total} of ${many(rows.length, "check")}` : many(total, "check")} in ${many(left, "section")}`;
  rove(null);
}

function redraw(number, focused) {
  const body = grid.querySelector(`tbody[data-section="${number}"]`);
  body.innerHTML = sectionRows(number);
  const again = body.querySelector(focused);
  rove(again);
  if (again) again.focus();
}

function toggle(number) {
  const changing = openAll ? closed : opened;
  if (!changing.delete(number)) changing.add(number);
  redraw(number, ".toggle");
}

// --- moving with the keyboard: one control of the grid at a time is in the tab order ---------------------------------

let here = null;
let wantedColumn = 0;

function rove(element) {
  if (here) here.tabIndex = -1;
  here = element && grid.contains(element) ? element : grid.querySelector(".toggle");
  if (here) here.tabIndex = 0;
}

function lines() {
  return [...grid.rows].map((row) => [...row.querySelectorAll("button, a")]).filter((buttons) => buttons.length);
}

const columnOf = (button) => (button.dataset.column === undefined ? 0 : Number(button.dataset.column) + 1);

function nearest(buttons, column) {
  return buttons.reduce((best, button) => (Math.abs(columnOf(button) - column) < Math.abs(columnOf(best) - column) ? button : best));
}

function move(event) {
  const at = event.target.closest("button, a");
  if (!at || event.altKey || event.metaKey) return;
  const all = lines();
  const line = all.findIndex((buttons) => buttons.includes(at));
  const place = all[line].indexOf(at);
  const to = {
    ArrowDown: () => all[line + 1] && nearest(all[line + 1], wantedColumn),
    ArrowUp: () => all[line - 1] && nearest(all[line - 1], wantedColumn),
    ArrowRight: () => (at.getAttribute("aria-expanded") === "false" ? at : all[line][place + 1]),
    ArrowLeft: () => (at.getAttribute("aria-expanded") === "true" ? at : all[line][place - 1]),
    Home: () => (event.ctrlKey ? all[0][0] : all[line][0]),
    End: () => (event.ctrlKey ? all[all.length - 1][0] : all[line][all[line].length - 1]),
    PageDown: () => all[Math.min(line + 12, all.length - 1)] && nearest(all[Math.min(line + 12, all.length - 1)], wantedColumn),
    PageUp: () => nearest(all[Math.max(line - 12, 0)], wantedColumn),
  }[event.key]?.();
  if (to === undefined) return;
  event.preventDefault();
  if (to === at && at.dataset.section !== undefined && event.key.startsWith("Arrow")) {
    toggle(Number(at.dataset.section));
    return;
  }
  if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) wantedColumn = columnOf(to);
  rove(to);
  to.focus();
}

grid.addEventListener("keydown", move);
grid.addEventListener("focusin", (event) => {
  const button = event.target.closest("button, a");
  if (button && button !== here) rove(button);
});
grid.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  wantedColumn = columnOf(button);
  if (button.dataset.row !== undefined) openCell(Number(button.dataset.row), Number(button.dataset.column), button);
  else if (button.dataset.more !== undefined) {
    const number = Number(button.dataset.more);
    const most = drawn.get(number) ?? AT_ONCE;
    drawn.set(number, most + AT_ONCE);
    redraw(number, `tr[data-row="${found[number][most]}"] .cell`);
  } else if (button.dataset.section !== undefined) toggle(Number(button.dataset.section));
});

// --- the evidence ---------------------------------------------------------------------------------------------------

const dialog = $("evidence");
let opener = null;

function pieceOf(row) {
  let number = 0;
  while (number + 1 < DATA.evidence.length && DATA.evidence[number + 1] <= row) number += 1;
  return number;
}

function load(number) {
  if (PIECES[number]) return Promise.resolve(PIECES[number]);
  return new Promise((resolve) => {
    const script = document.createElement("script");  // a page from disk may not fetch, but may do this
    script.src = `evidence-${number}.js`;
    script.onload = () => resolve(PIECES[number]);
    script.onerror = () => resolve(null);
    document.head.append(script);
  });
}

function quoteOf(number) {
  const [id, level, document_, section, quote, stance, url] = requirements[number];
  if (!document_) return `<p><code>${escape(id)}</code> is a requirement of another version of the suite.</p>`;
  const place = `${document_}, “${marked(section)}”`;
  const cited = url ? `<a href="${escape(url)}" target="_blank" rel="noopener noreferrer">${place}</a>` : place;
  return `<div class="requirement"><p><code>${escape(id)}</code> ${level}, ${cited}</p><blockquote>${marked(quote)}</blockquote>${stance ? `<p><small>How it is judged: ${marked(stance)}</small></p>` : ""}</div>`;
}

const ENDS = {
  wire: { "-->": ["to-server", "client to server", "→"], "<--": ["from-server", "server to client", "←"] },
  call: { "-->": ["from-server", "server to application", "→"], "<--": ["to-server", "application to server", "←"] },
};

/* Read a transcript's text: what went between which ends, when. */
function messages(transcript) {
  const list = [];
  for (const line of transcript.split("\n").slice(1)) {
    const at = line.slice(0, 8).trim();
    const rest = line.slice(10);
    const call = /^ {50,}(-->|<--) ?(.*)$/.exec(rest);
    const wire = /^(.*?) +(-->|<--)$/.exec(rest);
    const [side, arrow, said] = call ? ["call", call[1], call[2]] : wire ? ["wire", wire[2], wire[1]] : ["remark", "", rest.replace(/^-- /, "")];
    const last = list[list.length - 1];
    if (!at && last && last.side === side && last.arrow === arrow) last.lines.push(said);
    else list.push({ at, side, arrow, lines: [said] });
  }
  return list;
}

function chart(transcript) {
  const items = messages(transcript).map(({ at, side, arrow, lines: said }) => {
    const when = `<time>${escape(at)}</time>`;
    const what = `<div class="what">${escape(said.join(side === "call" ? " " : "\n"))}</div>`;
    if (side === "remark") return `<li class="remark">${when}${what}</li>`;
    const [way, words, drawnArrow] = ENDS[side][arrow];
    return `<li class="${side} ${way}">${when}<span class="unseen">${words}: </span>${what}<span class="arrow" aria-hidden="true">${drawnArrow}</span><span class="lifeline" aria-hidden="true"></span></li>`;
  });
  return `<ol class="chart"><li class="heads" aria-hidden="true"><span>ms</span><span>client</span><span class="server">server</span><span>application</span></li>${items.join("")}</ol>` +
    `<details><summary>As text</summary><pre class="said">${escape(transcript)}</pre></details>`;
}

function about(column) {
  const entries = [
    ["server", column.label], ["Python", column.python], ["command", column.argv], ["platform", column.platform],
    ["started", column.started], ["took", `${Math.round(column.duration)} seconds`], ["checks", column.checks],
    ["suite", column.suite], ["results", column.file],
  ];
  return `<dl class="run">${entries.map(([name, value]) => `<dt>${name}</dt><dd>${escape(value)}</dd>`).join("")}</dl>`;
}

function bar(title, sub, verdict) {
  return `<div class="bar">${verdict}<h2 id="evidence-title">${title}<small>${sub}</small></h2><button type="button" class="close" autofocus aria-label="Close">✕</button></div>`;
}

const part = (heading, content) => (content ? `<h3>${heading}</h3>${content}` : "");
const said = (content) => (content ? `<pre class="said">${escape(content)}</pre>` : "");
const quoted = (id) => id.replaceAll("'", "'\"'\"'");

async function openCell(row, column, from) {
  opener = from ?? opener;
  const [id, title, , cited, verdicts] = rows[row];
  const letter = verdicts[column];
  const piece = await load(pieceOf(row));
  const own = piece?.cells[row]?.[column] ?? [0, 0, 0, 0];
  const [message, observation, expected, transcript] = own.map((number) => (number ? piece.texts[number - 1] : ""));
  const others = columns.map((other, number) => (verdicts[number] === "-" ? "" :
    `<li><button type="button" data-row="${row}" data-column="${number}" aria-current="${number === column}">${sign(verdicts[number], before(verdicts, number) !== null)} ${escape(other.label)}<span class="unseen">: ${wordsOf(verdicts[number])}</span></button></li>`));
  const command = columns[column].again.replace("{check}", quoted(id));
  dialog.innerHTML = bar(escape(columns[column].label), escape(id), `<span class="verdict">${sign(letter)} ${wordsOf(letter)}</span>`) +
    part("Requirement", cited.map(quoteOf).join("")) +
    part("Expected", `<p>${marked(text(title))}</p>`) +
    (piece ? "" : `<p class="note">The evidence is in evidence-${pieceOf(row)}.js, which is not beside this page.</p>`) +
    part(BROKEN.has(letter.toLowerCase()) ? "Actual" : "Reason", said(message)) +
    part("Observed", said(observation)) +
    part("Known, because", expected ? `<p>${marked(expected)}</p>` : "") +
    part("Transcript of both ends", transcript ? chart(transcript) : "") +
    part("The same check again", `<div class="again"><code>${escape(command)}</code><button type="button" class="copy">Copy</button></div>`) +
    part("In every run", `<ul class="columns">${others.join("")}</ul>`) +
    `<details><summary>About this run</summary>${about(columns[column])}</details>`;
  show();
}

function openRun(column, from) {
  opener = from;
  dialog.innerHTML = bar(escape(columns[column].label), "what made this column", "") + about(columns[column]);
  show();
}

function show() {
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

dialog.addEventListener("close", () => opener?.focus());
dialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (event.target === dialog) dialog.close();  // beside it
  else if (!button) return;
  else if (button.classList.contains("close")) dialog.close();
  else if (button.classList.contains("copy")) copy(button);
  else if (button.dataset.row !== undefined) {
    openCell(Number(button.dataset.row), Number(button.dataset.column)).then(() => dialog.querySelector(".close").focus());
  }
});

async function copy(button) {
  const code = button.previousElementSibling;
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".run");
  if (button && button.dataset.column !== undefined) openRun(Number(button.dataset.column), button);
});
$("legend-open").addEventListener("click", () => $("legend").showModal());
$("legend").addEventListener("click", (event) => {
  if (event.target === $("legend") || event.target.closest(".close")) $("legend").close();
});

// --- what the filters are, in the address, so that a link keeps them ------------------------------------------------

const boxes = ["broken", "unlisted", "differ"];

function remember() {
  const wanted = filters();
  const words = new URLSearchParams();
  if ($("text").value) words.set("text", $("text").value);
  if (wanted.level !== "") words.set("level", LEVELS[Number(wanted.level)]);
  if (wanted.verdicts.length) words.set("verdict", wanted.verdicts.map((letter) => VERDICTS[letter]).join(","));
  for (const name of boxes) if ($(name).checked) words.set(name, "yes");
  history.replaceState(null, "", `#${words}`);
}

function recall() {
  const words = new URLSearchParams(location.hash.slice(1));
  $("text").value = words.get("text") ?? "";
  $("level").value = LEVELS.includes(words.get("level")) ? String(LEVELS.indexOf(words.get("level"))) : "";
  const verdicts = (words.get("verdict") ?? "").split(",");
  for (const chip of document.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", verdicts.includes(VERDICTS[chip.dataset.verdict]));
  for (const name of boxes) $(name).checked = words.get(name) === "yes";
}

function changed() {
  closed.clear();
  remember();
  draw();
}

let typing = 0;
$("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(changed, 120);
});
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("change", (event) => { if (event.target.id !== "text") changed(); });
$("filters").addEventListener("click", (event) => {
  const chip = event.target.closest(".chip");
  if (!chip) return;
  chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
  changed();
});
$("filters").addEventListener("reset", () => setTimeout(() => {
  for (const chip of document.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", "false");
  changed();
}));
$("open-all").addEventListener("click", () => {
  closed.clear();
  sections.forEach((section, number) => opened.add(number));
  draw();
});
$("close-all").addEventListener("click", () => {
  opened.clear();
  if (openAll) sections.forEach((section, number) => closed.add(number));
  draw();
});

recall();
draw();
