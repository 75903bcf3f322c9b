"use strict";
// Filters the page, tells what lies under the pointer, opens everything for print.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const letters = { ok: "o", changed: "c", skipped: "s", failed: "f", unreachable: "u", unknown: "k" };
  const words = Object.fromEntries(Object.entries(letters).map(([word, letter]) => [letter, word]));
  const entries = [...document.querySelectorAll("article")].map((element) => ({
    element,
    task: data.tasks[element.dataset.t],
    status: element.dataset.s,
    hosts: ranges(element.dataset.h),
    text: (element.parentElement.querySelector("h3").textContent + element.textContent).toLowerCase(),
  }));
  const rows = [...document.querySelectorAll("tr[data-t]")].map((element) => ({
    element,
    task: data.tasks[element.dataset.t],
    text: element.textContent.toLowerCase(),
  }));
  const fields = ["text", "host", "task", "role"];

  function ranges(text) {
    return text.split(" ").filter(Boolean).map((range) => {
      const [first, last] = range.split("-").map(Number);
      return [first, last ?? first];
    });
  }

  // `web*` is a pattern, `web` a part of a name, a comma means or
  function hostMatcher(text) {
    const parts = text.toLowerCase().split(",").map((part) => part.trim()).filter(Boolean);
    const patterns = parts.map((part) => {
      const escaped = part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
      return new RegExp(/[*?]/.test(part)
        ? "^" + escaped.replace(/\*/g, ".*").replace(/\?/g, ".") + "$"
        : escaped);
    });
    return data.hosts.map((name) => patterns.some((pattern) => pattern.test(name.toLowerCase())));
  }

  function apply() {
    const wanted = Object.fromEntries(fields.map((name) => [name, form.elements[name].value.trim()]));
    const statuses = [...form.querySelectorAll("[name=status]:checked")].map((box) => box.value);
    const hosts = wanted.host ? hostMatcher(wanted.host) : null;
    const text = wanted.text.toLowerCase(), name = wanted.task.toLowerCase();
    const taskFits = (task) => (!name || task.n.toLowerCase().includes(name)) && (!wanted.role || task.r === wanted.role);
    const hostFits = (list) => !hosts || list.some(([first, last]) => {
      for (let host = first; host <= last; host++) if (hosts[host]) return true;
      return false;
    });
    let shown = 0;
    for (const entry of entries) {
      const fits = taskFits(entry.task) && hostFits(entry.hosts)
        && (!statuses.length || statuses.includes(entry.status)) && (!text || entry.text.includes(text));
      entry.element.hidden = !fits;
      shown += fits;
    }
    for (const row of rows) {
      const letter = statuses.map((status) => letters[status]);
      const some = (!hosts && !letter.length) || [...row.task.s].some((found, host) =>
        found !== "-" && (!hosts || hosts[host]) && (!letter.length || letter.includes(found)));
      row.element.hidden = !(taskFits(row.task) && some && (!text || row.text.includes(text)));
    }
    for (const card of document.querySelectorAll(".card")) {
      card.hidden = !card.querySelector("article:not([hidden])");
    }
    for (const section of document.querySelectorAll("section.entries")) {
      section.hidden = !section.querySelector("article:not([hidden])");
    }
    for (const body of document.querySelectorAll("#tasks tbody")) {
      body.hidden = !!body.querySelector("tr[data-t]") && !body.querySelector("tr[data-t]:not([hidden])");
    }
    const filtered = fields.some((field) => wanted[field]) || statuses.length > 0;
    document.getElementById("nothing").hidden = !filtered || shown > 0 || rows.some((row) => !row.element.hidden);
    form.elements.matches.value = filtered ? shown + " of " + entries.length : "";
    dim(hosts);
    const state = new URLSearchParams();
    for (const field of fields) if (wanted[field]) state.set(field, wanted[field]);
    for (const status of statuses) state.append("status", status);
    const hash = state.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
  }

  // Lanes of other hosts step back.
  function dim(hosts) {
    for (const svg of document.querySelectorAll("#lanes svg")) {
      svg.querySelectorAll(".dim").forEach((old) => old.remove());
      if (!hosts) continue;
      const [from, to] = [Number(svg.dataset.from), Number(svg.dataset.to)];
      const row = svg.viewBox.baseVal.height / (to - from);
      for (let host = from; host < to; host++) {
        if (hosts[host]) continue;
        const rect = document.createElementNS(svg.namespaceURI, "rect");
        rect.setAttribute("class", "dim");
        rect.setAttribute("y", (host - from) * row);
        rect.setAttribute("width", 1000);
        rect.setAttribute("height", row);
        svg.append(rect);
      }
    }
  }

  function restore() {
    const state = new URLSearchParams(location.hash.slice(1));
    for (const field of fields) form.elements[field].value = state.get(field) ?? "";
    const statuses = state.getAll("status");
    for (const box of form.querySelectorAll("[name=status]")) box.checked = statuses.includes(box.value);
    apply();
  }

  // What a host did at a moment: its tasks by number, found when first asked for.
  const works = new Map();
  function work(host) {
    if (!works.has(host)) {
      const list = [];
      for (const task of data.tasks) {
        if (task.s[host] === "-" || task.s[host] === undefined) continue;
        let place = 0;
        for (let before = 0; before < host; before++) place += task.s[before] !== "-";
        list.push({ task, letter: task.s[host], from: task.b[place], took: task.d[place] });
      }
      works.set(host, list);
    }
    return works.get(host);
  }

  const lanes = document.getElementById("lanes");
  lanes?.addEventListener("pointermove", (event) => {
    const svg = event.target.closest("svg");
    const told = document.getElementById("pointed");
    if (!svg) return void (told.value = "");
    const box = svg.getBoundingClientRect();
    const [from, to] = [Number(svg.dataset.from), Number(svg.dataset.to)];
    const host = Math.min(to - 1, from + Math.floor((event.clientY - box.top) / box.height * (to - from)));
    const moment = (event.clientX - box.left) / box.width * Number(lanes.dataset.ms);
    const blur = Number(lanes.dataset.ms) / box.width * 3;
    const found = work(host).filter((piece) => piece.letter !== "s" && piece.from - blur <= moment && moment <= piece.from + piece.took + blur)
      .sort((a, b) => b.took - a.took)[0];
    told.value = data.hosts[host] + (found ? " · " + found.task.n + " · " + (found.took / 1000).toFixed(1) + "s · " + words[found.letter] : "");
  });
  lanes?.addEventListener("pointerleave", () => { document.getElementById("pointed").value = ""; });

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  addEventListener("hashchange", restore);
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });
  form.hidden = false;
  restore();
})();
