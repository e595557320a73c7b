// Questions that the tests ask a page. Each returns what is wrong, so that an empty list is good.
(() => {
  const article = () => document.querySelector(".bd-article") || document.body;
  const seen = (el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const name = (el) => `${el.tagName.toLowerCase()}.${el.className}`.slice(0, 60);

  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3]));
  const background = (el) => {
    const layers = [];
    for (let node = el; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  // Relative luminance and contrast ratio: WCAG 2.2.
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };

  const texts = () => {
    const walker = document.createTreeWalker(article(), NodeFilter.SHOW_TEXT);
    const parents = new Set();
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      const skipped = parent.closest("script, style, svg, mjx-assistive-mml");
      if (walker.currentNode.data.trim() && !skipped && seen(parent)) parents.add(parent);
    }
    return [...parents];
  };

  window.siteProbe = {
    // Text of any kind: paragraphs, captions, code, sliders. 4.5, or 3 for large text.
    faintText(theme) {
      document.documentElement.dataset.theme = theme;
      document.documentElement.dataset.mode = theme;
      document.getAnimations().forEach((animation) => animation.finish());
      return texts().flatMap((el) => {
        const style = getComputedStyle(el);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        const below = background(el);
        const ratio = contrast(over(rgba(style.color), below), below);
        return ratio >= (large ? 3 : 4.5) ? [] : [`${ratio.toFixed(2)} ${name(el)}: ${el.textContent.trim().slice(0, 30)}`];
      });
    },
    textCount: () => texts().length,
    imagesWithoutAlt: () =>
      [...document.images]
        .filter((img) => !img.alt.trim() || img.alt === img.getAttribute("src") || /\.(png|svg|jpe?g)$/.test(img.alt))
        .map((img) => `${img.getAttribute("src").slice(0, 80)} alt=${JSON.stringify(img.alt.slice(0, 80))}`),
    controlsWithoutLabel: () =>
      [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
        .filter((el) => {
          const labelled = (el.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id));
          const sources = [...(el.labels || []), ...labelled.filter(Boolean)];
          const text = sources.map((source) => source.textContent + (source.ariaLabel || "")).join("");
          return !(el.ariaLabel || text).trim();
        })
        .map((el) => el.outerHTML.slice(0, 100)),
    // What sticks out to the right and cannot be scrolled to inside a box of its own.
    overflow() {
      const limit = document.documentElement.clientWidth + 1;
      const wide = [...article().querySelectorAll("*")].filter((el) => {
        if (!seen(el) || el.getBoundingClientRect().right <= limit) return false;
        for (let box = el; box && box !== document.body; box = box.parentElement) {
          const scrolls = ["auto", "scroll", "hidden"].includes(getComputedStyle(box).overflowX);
          if (box.closest("mjx-assistive-mml, svg") || (scrolls && box.getBoundingClientRect().right <= limit)) return false;
        }
        return true;
      });
      const page = document.documentElement.scrollWidth > limit ? [`page is ${document.documentElement.scrollWidth} px wide`] : [];
      return page.concat(wide.map((el) => `${name(el)} ends at ${Math.round(el.getBoundingClientRect().right)} px`));
    },
    // The steps that a slider shows, by index: exactly one at a time.
    shownFrames: (slider) =>
      [...slider.querySelectorAll(".trm-slider-frame")].flatMap((el, i) => (seen(el) ? [i] : [])),
  };
})();
