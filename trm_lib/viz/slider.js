(function () {
  const PLAY = "M8 5v14l11-7z";
  const PAUSE = "M6 5h4v14H6zM14 5h4v14h-4z";
  const NEXT = "M6 5v14l9-7zM16 5h3v14h-3z";
  const SECONDS_A_STEP = 0.9;

  function start(root) {
    const range = root.querySelector("input[type=range]");
    const button = root.querySelector("button");
    const icon = button.querySelector("path");
    const output = root.querySelector("output");
    const caption = root.querySelector(".trm-slider-caption > p");
    const captions = root.querySelectorAll(".trm-slider-sizers > span");
    const frames = Array.from(root.querySelector(".trm-slider-stage").children);
    const last = frames.length - 1;
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    let at = 0;
    let timer = null;

    function show(step) {
      at = step;
      const name = frames[at].dataset.name;
      frames.forEach(function (frame, i) { frame.hidden = i !== at; });
      range.value = at;
      range.setAttribute("aria-valuetext", name);
      range.style.setProperty("--trm-at", last ? at / last : 0);
      output.textContent = name;
      if (caption) caption.textContent = captions[at].textContent;
    }

    /* A reader who asked for less motion gets a button that goes one step. */
    function dressButton() {
      const does = timer ? "Pause" : calm.matches ? "Next" : "Play";
      button.setAttribute("aria-label", does + " " + root.dataset.label);
      icon.setAttribute("d", timer ? PAUSE : calm.matches ? NEXT : PLAY);
    }

    function stop() {
      clearInterval(timer);
      timer = null;
      dressButton();
    }

    function advance() {
      show(at === last ? 0 : at + 1);
      if (at === last || !root.isConnected) stop();
    }

    button.addEventListener("click", function () {
      if (timer) return stop();
      if (!calm.matches) timer = setInterval(advance, 1000 * SECONDS_A_STEP);
      advance();
      dressButton();
    });
    range.addEventListener("input", function () {
      stop();
      show(Number(range.value));
    });
    calm.addEventListener("change", stop);
    root.querySelector(".trm-slider-controls").hidden = last === 0;
    show(Number(root.dataset.start));
    dressButton();
  }

  document.querySelectorAll('[id="__ROOT__"]').forEach(function (root) {
    if (root.dataset.ready) return;
    root.dataset.ready = "true";
    start(root);
  });
})();
