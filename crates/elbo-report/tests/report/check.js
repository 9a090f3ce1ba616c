// What is wrong with the page as it is laid out now.
(() => {
  const wrong = [];
  const name = (element) => element.tagName + (element.id ? "#" + element.id : "") + "." + element.getAttribute("class") + " " + element.textContent.slice(0, 40);
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page is wider than the window: " + document.documentElement.scrollWidth);
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || element.closest(".scroll, caption")) continue;
    if (box.left < -1 || box.right > width + 1) wrong.push("beyond the window: " + name(element));
  }
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  for (const section of document.querySelectorAll("main > section")) {
    if (!section.querySelector("h2")) wrong.push("no heading: " + section.id);
    if (!document.querySelector(`nav a[href="#${section.id}"]`)) wrong.push("no link to " + section.id);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size !== ids.length) wrong.push("an id occurs twice");
  for (const table of document.querySelectorAll("table")) if (!table.caption || !table.caption.textContent) wrong.push("no caption");
  for (const list of document.querySelectorAll("[aria-labelledby]"))
    for (const id of list.getAttribute("aria-labelledby").split(" "))
      if (!document.getElementById(id)) wrong.push("no element " + id);

  // Colours: text against its card at least 4.5 to 1, what is drawn at least 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11).
  const light = (color) => {
    const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = color.match(/[\d.]+/g).map(Number).map(part);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);

  for (const figure of document.querySelectorAll("figure.plot")) {
    const svg = figure.querySelector(".frame svg");
    const box = svg.getBoundingClientRect(), card = figure.getBoundingClientRect();
    const back = getComputedStyle(figure).backgroundColor;
    if (box.width < 150 || box.height < 40) wrong.push("too small: " + figure.id);
    if (svg.getAttribute("role") !== "img") wrong.push("no image: " + figure.id);
    for (const part of ["title", "desc"]) if (!svg.querySelector(part)?.textContent.trim()) wrong.push("no " + part + ": " + figure.id);
    if (!/\d|All/.test(svg.querySelector("desc")?.textContent)) wrong.push("no number in the text: " + figure.id);
    if (figure.querySelectorAll(".values tbody tr").length === 0) wrong.push("no values: " + figure.id);
    if (svg.querySelectorAll("line, polyline, rect, circle, polygon").length === 0) wrong.push("nothing drawn: " + figure.id);
    const texts = [...svg.querySelectorAll("text")].map((text) => [text, text.getBoundingClientRect()]);
    texts.forEach(([text, place], number) => {
      if (place.left < card.left || place.right > card.right || place.top < card.top) wrong.push("cut: " + figure.id + " " + text.textContent);
      if (place.height < 8.5) wrong.push("too small to read: " + figure.id + " " + text.textContent + " " + place.height);
      if (contrast(getComputedStyle(text).fill, back) < 4.5) wrong.push("faint: " + figure.id + " " + text.textContent);
      for (const [other, there] of texts.slice(number + 1)) {
        const across = Math.min(place.right, there.right) - Math.max(place.left, there.left);
        const down = Math.min(place.bottom, there.bottom) - Math.max(place.top, there.top);
        if (across > 1 && down > 4) wrong.push("on each other: " + figure.id + " " + text.textContent + " / " + other.textContent);
      }
    });
    for (const mark of svg.querySelectorAll("[class^='f-s'], [class^='l-s'], .f-right, .f-wrong, .l-ideal")) {
      if (mark.tagName === "text") continue;
      const style = getComputedStyle(mark);
      const color = mark.getAttribute("class").startsWith("f-") ? style.fill : style.stroke;
      if (contrast(color, back) < 3) wrong.push("faint: " + figure.id + " " + mark.getAttribute("class"));
    }
  }
  for (const element of document.querySelectorAll("p, dt, dd, td, th, h1, h2, h3, li, summary, caption")) {
    const back = element.closest(".plot, .scores div, pre, .notice") ?? document.body;
    if (contrast(getComputedStyle(element).color, getComputedStyle(back).backgroundColor) < 4.5) wrong.push("faint: " + name(element));
  }
  return [...new Set(wrong)].slice(0, 20);
})()
