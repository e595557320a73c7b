/* The playground: puzzles that a reader makes, and networks that think about them in the page.

   think.js thinks, rules.js knows the puzzles, and each play_*.js is a game; here is what games
   share. Every <div class="trm-play" data-game="maze" data-state="...&K=12"> becomes a widget.
*/
const trmPlay = (function () {
  "use strict";
  const HERE = document.currentScript.src;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const games = {}; // by name: what play_*.js adds

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }
  const button = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);

  /* Networks think in workers, so that the page never waits. A worker is made of the text of a
     function and weights come as scripts, since a page on disk may load neither files nor modules. */
  function inWorker() {
    let network, carry, job, to = 0, busy = false;
    const next = new MessageChannel();
    next.port1.onmessage = function think() {
      busy = Boolean(carry) && carry.k < to;
      if (!busy) return;
      carry = network.step(carry);
      postMessage({ job, k: carry.k, logits: carry.logits });
      next.port2.postMessage(0); // between two steps, a new question is heard
    };
    onmessage = ({ data }) => {
      if (data.exported) network = trmNetwork(data.exported);
      if (data.tokens) { // the network over candidates was trained from random states
        const drawn = network.config.mixing === "constraints";
        [job, carry] = [data.job, network.start(data.tokens, data.grid, drawn)];
      }
      to = data.to || 0;
      if (!busy) next.port2.postMessage(0);
      busy = true;
    };
  }
  function weights(name) {
    return new Promise((resolve) => {
      const onload = () => resolve(self.trmExports[name]);
      document.head.append(element("script", { src: new URL(`${name}.js`, HERE), onload }));
    });
  }
  function thinker(name, heard) {
    const source = `${trmThink}\ntrmThink(self);\n(${inWorker})();`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    const ready = weights(name).then((exported) => worker.postMessage({ exported }));
    const tell = (message) => ready.then(() => worker.postMessage(message));
    let job = 0;
    worker.onmessage = ({ data }) => data.job === job && heard(data.k, data.logits);
    return {
      ask: (tokens, grid, to) => tell({ job: ++job, tokens, grid, to }),
      until: (to) => tell({ to }),
    };
  }

  /* A widget: the board, K, play, the address, and words. The game says what is on the board. */
  function widget(root, game) {
    const name = root.dataset.game, first = root.dataset.state, networks = {};
    let answers = [null], wanted = 0; // answers[k]: after step k
    let timer = null, waiting = false, untouched = true; // untouched: K is still as it came

    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const help = element("p", { class: "trm-play-help", id: `${name}-help` }, game.help);
    const board = element("div", {
      class: "trm-play-board", tabindex: 0, role: "application", "aria-label": game.label,
      "aria-describedby": help.id, onkeydown: pressed,
    }, svg);
    const range = element("input", {
      type: "range", min: 0, id: `${name}-k`, "aria-label": "K", autocomplete: "off",
      oninput: () => turn(Number(range.value)),
    });
    const play = button("Play", () => (timer ? stop() : start()), { class: "trm-play-go" });
    const output = element("output", { for: range.id });
    const says = element("p", { class: "trm-play-says", role: "status" });
    const place = element("p", { class: "trm-play-unseen", "aria-live": "polite" });
    const page = { changed, redraw, open, answer: () => answers[shown()] };
    root.replaceChildren(
      element("div", { class: "trm-play-tools" }, ...game.tools(page), button("Reset", () => open(first))),
      board, ...(game.pad ? [game.pad] : []),
      element("div", { class: "trm-play-controls" }, play,
        button("‹", () => turn(wanted - 1), { "aria-label": "One step back" }), output,
        button("›", () => turn(wanted + 1), { "aria-label": "One step on" }), range),
      says, place, help);
    svg.setAttribute("aria-hidden", "true");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", game.label);

    const shown = () => Math.min(wanted, answers.length - 1);
    function network() {
      const by = game.network();
      networks[by] ??= thinker(by, (k, logits) => {
        if (by !== game.network()) return;
        answers[k] = game.read(logits);
        if (k === 1) performance.mark("first answer");
        redraw();
      });
      return networks[by];
    }
    // after a change of the puzzle, the network begins anew and thinks to the same K
    function changed(address = true) {
      [answers, untouched] = [[null], true];
      wanted = Math.min(wanted, game.most());
      game.solve();
      for (const by in networks) if (by !== game.network()) networks[by].until(0);
      network().ask(game.tokens(), game.grid(), wanted);
      redraw();
      if (address) write();
    }
    function goTo(k) {
      wanted = Math.max(0, Math.min(game.most(), k));
      network().until(wanted);
      redraw();
      write();
    }
    function turn(k) {
      stop();
      untouched = false;
      goTo(k);
    }
    function redraw() {
      if (!waiting) requestAnimationFrame(draw);
      waiting = true;
    }
    function draw() {
      const k = shown(), answer = answers[k], [rows, columns] = game.grid(), most = game.most();
      const cell = 56 * Math.min(1, 5 / Math.max(rows, columns)) ** 0.75;
      waiting = false;
      svg.setAttribute("viewBox", `-0.1 -0.1 ${columns + 0.2} ${rows + 0.2}`);
      svg.style.width = `${Math.round(cell * (columns + 0.2))}px`;
      svg.innerHTML = game.draw(answer, answers[k - 1]);
      range.max = most;
      range.value = wanted;
      range.setAttribute("aria-valuetext", `K = ${wanted}`);
      output.textContent = `K = ${k}`;
      says.setAttribute("aria-live", timer || k < wanted ? "off" : "polite");
      says.textContent = game.says(answer);
      play.textContent = timer ? "Pause" : calm.matches ? "Next" : "Play";
      Object.assign(board.dataset, { k, thinking: k < wanted, answer: answer ? game.facts(answer) : "" });
    }
    function start() {
      if (untouched || wanted >= game.most()) goTo(0);
      untouched = false;
      if (!calm.matches) timer = setInterval(advance, game.pace);
      advance();
    }
    function advance() {
      if (shown() < wanted) return; // it is still thinking
      if (wanted >= game.most()) return stop();
      goTo(wanted + 1);
    }
    function stop() {
      clearInterval(timer);
      timer = null;
      redraw();
    }

    function pressed(event) {
      const done = event.ctrlKey || event.metaKey || event.altKey ? null : game.pressed(event);
      if (!done) return;
      event.preventDefault();
      if (done === "changed") changed();
      redraw();
      place.textContent = game.here(page.answer());
    }
    let held = false;
    function pointed(event) {
      const phase = event.type.slice("pointer".length), box = svg.getBoundingClientRect();
      if (phase === "down" ? event.button > 0 : !held) return;
      const [y, x] = game.grid().map((cells, axis) => {
        const [from, size] = axis ? [event.clientX - box.left, box.width] : [event.clientY - box.top, box.height];
        return (from / size) * (cells + 0.2) - 0.1;
      });
      held = phase === "down" || phase === "move";
      if (phase === "down") board.setPointerCapture(event.pointerId);
      if (game.pointed(phase, x, y)) changed(false);
      if (phase === "up") write();
      redraw();
    }
    for (const phase of ["down", "move", "up", "cancel"]) board.addEventListener(`pointer${phase}`, pointed);

    // the address holds the puzzle and K: `#maze=...&K=12`
    function write() {
      history.replaceState(null, "", `#${name}=${game.encode()}&K=${wanted}`);
    }
    function read(state) {
      const [puzzle, k] = state.split("&K=");
      if (!game.decode(puzzle)) return false;
      wanted = Math.max(0, Math.min(game.most(), Math.floor(Number(k)) || 0));
      return true;
    }
    function open(state) {
      stop();
      if (read(state)) changed();
    }
    function fromAddress() {
      const begin = `#${name}=`;
      return location.hash.startsWith(begin) && read(location.hash.slice(begin.length));
    }
    addEventListener("hashchange", () => fromAddress() && changed(false));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) stop();
      network().until(document.hidden ? 0 : wanted);
    });
    read(first);
    if (fromAddress()) root.scrollIntoView();
    changed(false);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".trm-play").forEach((root, i) => { // the first one need not wait
      setTimeout(() => widget(root, games[root.dataset.game](root)), 200 * i);
    });
  });
  return { games, element, button };
})();
