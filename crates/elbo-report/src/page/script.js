// Shows the row of a plot's table that is nearest to the pointer, or that the arrow keys picked.
"use strict";
for (const frame of document.querySelectorAll(".plot .frame")) {
  const svg = frame.querySelector("svg");
  const figure = frame.closest(".plot");
  const columns = [...figure.querySelectorAll(".values thead th")].map((cell) => cell.textContent);
  const rows = [...figure.querySelectorAll(".values tbody tr")]
    .map((row) => ({ cells: row.cells, at: (row.dataset.at || "").split(" ").filter(Boolean).map((at) => at.split(",").map(Number)) }))
    .filter((row) => row.at.length > 0);
  if (rows.length === 0) continue;
  const view = svg.viewBox.baseVal;
  const over = frame.appendChild(document.createElement("div"));
  const tip = frame.appendChild(document.createElement("div"));
  over.className = "over";
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", figure.querySelector("h3").textContent + ": arrow keys go through the values");
  let shown = -1;

  const hide = () => {
    tip.hidden = true;
    shown = -1;
    frame.querySelectorAll(".spot").forEach((spot) => spot.remove());
  };
  const show = (number) => {
    if (number === shown) return;
    hide();
    shown = number;
    const { cells, at } = rows[number];
    const scale = frame.clientWidth / view.width;
    for (const [x, y] of at) {
      const spot = frame.appendChild(document.createElement("div"));
      spot.className = "spot";
      spot.style.left = x * scale + "px";
      spot.style.top = y * scale + "px";
    }
    tip.replaceChildren();
    columns.forEach((column, i) => {
      const line = tip.appendChild(document.createElement("div"));
      line.append(column + ": ");
      line.appendChild(document.createElement("b")).textContent = cells[i].textContent;
    });
    tip.hidden = false;
    const x = at[0][0] * scale;
    const y = Math.min(...at.map((place) => place[1])) * scale;
    const left = x + 12 + tip.offsetWidth <= frame.clientWidth ? x + 12 : x - 12 - tip.offsetWidth;
    tip.style.left = Math.max(0, Math.min(left, frame.clientWidth - tip.offsetWidth)) + "px";
    const above = y - tip.offsetHeight - 10;
    tip.style.top = (above >= 0 ? above : Math.max(...at.map((place) => place[1])) * scale + 14) + "px";
  };
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * view.width;
    const y = ((event.clientY - box.top) / box.height) * view.height;
    const weight = frame.dataset.key === "across" ? 0 : 1;
    let best = 0, least = Infinity;
    rows.forEach((row, number) => {
      for (const [u, v] of row.at) {
        const distance = (u - x) ** 2 + weight * (v - y) ** 2;
        if (distance < least) [best, least] = [number, distance];
      }
    });
    return best;
  };
  over.addEventListener("pointermove", (event) => show(nearest(event)));
  over.addEventListener("pointerdown", (event) => show(nearest(event)));
  over.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
  frame.addEventListener("blur", hide);
  frame.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") hide();
    if (!step) return;
    event.preventDefault();
    show(shown < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, shown + step)));
  });
}
