/* Mazes of the playground, for networks that say moves, mark cells, or walk as a policy. */
(function () {
  "use strict";
  const { element, button } = trmPlay, { hasWall, setWall, steps, onBorder } = trmMaze;
  const MOVES = "shortest_ways", MARKS = "maze_paths", POLICY = "maze4";
  const FIRST_FAILS = "8x8.09a452a7116d7e86492598ec541cabee.0.63.marks&K=40";
  // the colours of trm_lib.viz
  const INK = "#222222", FAINT = "#595959", LINE = "#E3E6E9", AGENT = "#0072B2", WRONG = "#D55E00";
  const PALE = "#DCEBF5", FRESH = "#A6D0EA", GOAL = "#007A5A";
  const AHEAD = [[0, -1], [1, 0], [0, 1], [-1, 0]], KEYS = ["ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"];

  const several = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const filled = (d, colour) => `<path d="${d}" fill="${colour}"/>`;
  const stroke = (d, colour, width, more = "") =>
    `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linecap="round" ` +
    `stroke-linejoin="round" ${more}/>`;

  function mazeGame(root) {
    const isPolicy = root.dataset.game === "policy", isSmall = "small" in root.dataset;
    let maze, by = isPolicy ? POLICY : MOVES, far, fromStart; // steps from each cell to goal and start
    let cursor = 0, agent = null, walking = null, drag = null;

    const side = (label) => element("input", {
      type: "number", min: trmMaze.SIDES[0], max: trmMaze.SIDES[1], "aria-label": label, value: 8,
    });
    const rows = side("Rows"), columns = side("Columns");
    const choice = element("select", { id: "maze-network" },
      element("option", { value: MOVES }, "says moves"), element("option", { value: MARKS }, "marks the way (the first)"));

    const column = (cell) => cell % maze.columns, row = (cell) => Math.floor(cell / maze.columns);
    const isLarge = () => Math.max(maze.rows, maze.columns) > 36; // arrows would be a blur
    const middle = (cell) => [column(cell) + 0.5, row(cell) + 0.5];
    const isRight = (cell, d) =>
      !hasWall(maze, cell, d) && far[cell] > 0 && far[cell + steps(maze)[d]] === far[cell] - 1;
    const isDue = (cell) => far[cell] >= 0 && far[cell] + fromStart[cell] === far[maze.start];

    function make(layout) {
      const sides = [rows, columns].map(({ value }) =>
        Math.round(Math.max(trmMaze.SIDES[0], Math.min(trmMaze.SIDES[1], Number(value) || 8))));
      [rows.value, columns.value] = sides;
      maze = trmMaze.make(...sides, layout);
    }
    function arrow(cell, d, alone) {
      const [x, y] = middle(cell), [right, down] = AHEAD[d], [from, to] = alone ? [-0.22, 0.24] : [0.05, 0.34];
      const at = (along, across) =>
        `${(x + along * right - across * down).toFixed(2)} ${(y + along * down + across * right).toFixed(2)}`;
      return `M${at(from, 0)}L${at(to, 0)}M${at(to - 0.12, 0.12)}L${at(to, 0)}L${at(to - 0.12, -0.12)}`;
    }
    function drawAnswer({ said, way }, before) {
      let known = "", fresh = "", right = "", wrong = "";
      said.forEach((bits, cell) => {
        const [x, y] = middle(cell), ground = `M${x - 0.5} ${y - 0.5}h1v1h-1z`;
        if (bits && before && before.said[cell] === bits) known += ground;
        else if (bits) fresh += ground;
        if (by === MARKS && bits) {
          if (isDue(cell)) right += `M${x} ${y}h0`;
          else wrong += `M${x - 0.15} ${y - 0.15}l.3 .3m0 -.3l-.3 .3`;
        }
        for (let d = 0; by !== MARKS && d < 4; d++) {
          if (!((bits >> d) & 1) || cell === maze.goal) continue;
          if (isRight(cell, d)) right += isLarge() ? "" : arrow(cell, d, bits === 1 << d);
          else wrong += arrow(cell, d, bits === 1 << d);
        }
      });
      const trail = way.map((cell, i) => `${i ? "L" : "M"}${middle(cell).join(" ")}`).join("");
      return filled(known, PALE) + filled(fresh, by === POLICY ? PALE : FRESH) +
        stroke(trail, AGENT, isLarge() ? 0.3 : 0.16, `opacity="${isLarge() ? 0.8 : 0.5}"`) +
        (by === MARKS ? stroke(right, AGENT, 0.26) : stroke(right, FAINT, 0.05)) + stroke(wrong, WRONG, 0.09);
    }
    function drawWalls() {
      let walls = `M0 ${maze.rows}h${maze.columns}M${maze.columns} 0v${maze.rows}`, cells = "";
      maze.walls.forEach((bits, cell) => {
        if (bits & 1) walls += `M${column(cell)} ${row(cell)}h1`;
        if (bits & 8) walls += `M${column(cell)} ${row(cell)}v1`;
      });
      for (let r = 1; r < maze.rows; r++) cells += `M0 ${r}h${maze.columns}`;
      for (let c = 1; c < maze.columns; c++) cells += `M${c} 0v${maze.rows}`;
      return stroke(cells, LINE, 0.02) + stroke(walls, INK, 0.08);
    }
    function drawEnds() {
      const letter = (cell, text, colour) => `<text x="${middle(cell)[0]}" y="${middle(cell)[1] + 0.13}" ` +
        `font-size=".37" font-weight="700" text-anchor="middle" fill="${colour}">${text}</text>`;
      const disc = (cell, radius, look) =>
        `<circle cx="${middle(cell)[0]}" cy="${middle(cell)[1]}" r="${radius}" stroke-width=".05" ${look}/>`;
      const box = (cell, half, look) => `<rect x="${middle(cell)[0] - half}" y="${middle(cell)[1] - half}" ` +
        `width="${2 * half}" height="${2 * half}" rx=".06" ${look}/>`;
      const half = isLarge() ? 0.75 : 0.3; // in a large maze, they are larger than their cells
      return disc(maze.start, half, `fill="#fff" stroke="${INK}"`) + letter(maze.start, "S", INK) +
        box(maze.goal, half, `fill="${GOAL}"`) + letter(maze.goal, "G", "#fff") +
        (agent === null ? "" : disc(agent, 0.24, `fill="${AGENT}" stroke="#fff"`)) +
        box(cursor, 0.44, 'class="trm-play-cursor"');
    }

    function saysMarks(said) {
      const cells = [...said.keys()], marked = cells.filter((cell) => said[cell]), due = cells.filter(isDue);
      const right = due.filter((cell) => said[cell]).length, wrong = marked.length - right;
      if (!wrong && right === due.length) return `${several(right, "cell")} marked: right, the shortest way and nothing else.`;
      return `${several(marked.length, "cell")} marked: ${wrong} on no shortest way, and ${due.length - right} missed.`;
    }
    function saysMoves(said, way) {
      const taken = way.length - 1, more = taken - far[maze.start], cells = [...said.keys()];
      const arrows = cells.filter((cell) => said[cell] && cell !== maze.goal);
      const wrong = arrows.filter((cell) => [0, 1, 2, 3].some((d) => (said[cell] >> d) & 1 && !isRight(cell, d)));
      const told = `Arrows in ${arrows.length} of ${cells.length - 1} cells, ${wrong.length || "none"} wrong. From S they lead `;
      if (way.at(-1) !== maze.goal) {
        return `${told}${taken ? several(taken, "step") : "nowhere"}${isPolicy ? ", then in a circle" : " so far"}.`;
      }
      if (more) return `${told}to G in ${several(taken, "step")}, ${more} more than the shortest way.`;
      return `${told}to G in ${several(taken, "step")}: right, and no way is shorter.`;
    }
    function walkAlong(page) {
      const { way } = page.answer() || { way: [maze.start] };
      let i = matchMedia("(prefers-reduced-motion: reduce)").matches ? way.length - 1 : 0;
      clearInterval(walking);
      walking = setInterval(() => {
        if (document.hidden) return;
        agent = way[i++];
        if (i >= way.length) clearInterval(walking);
        page.redraw();
      }, 150);
    }

    return {
      label: isPolicy ? "Maze for the policy" : "Maze",
      help: "Press an edge between two cells, or drag along edges, to draw and erase walls; drag S and G. " +
        "On the keyboard, arrow keys move over the board; with Shift they draw or erase a wall, and the " +
        "keys S and G put the start and the goal there.",
      pace: isPolicy ? 500 : 140,
      network: () => by,
      grid: () => [maze.rows, maze.columns],
      most() { // the wave goes one cell further in each step
        if (by === MOVES) return Math.max(...trmMaze.distances(maze, maze.goal)) + 10;
        return by === MARKS ? 5 * Math.max(maze.rows, maze.columns) : 16;
      },
      tokens: () => Array.from(maze.walls, (bits, cell) => by === MARKS
        ? bits + 16 * (cell === maze.start) + 32 * (cell === maze.goal)
        : bits + 16 * (cell === maze.goal)),
      encode: () => trmMaze.encode(maze) + (by === MARKS ? ".marks" : ""),
      decode(text) {
        const marks = text.endsWith(".marks"), found = trmMaze.decode(text.replace(/\.marks$/, ""));
        if (!found) return false;
        maze = found;
        if (!isPolicy) choice.value = by = marks ? MARKS : MOVES;
        [rows.value, columns.value] = [maze.rows, maze.columns];
        return true;
      },
      solve() {
        far = trmMaze.distances(maze, maze.goal);
        fromStart = trmMaze.distances(maze, maze.start);
        cursor = Math.min(cursor, maze.walls.length - 1);
        clearInterval(walking);
        agent = null;
      },
      // said: for each cell the bits of its moves, or 1 for a mark; moves: the best one, -1 for none
      read(logits) {
        const cells = maze.walls.length, A = logits.length / cells;
        const said = new Uint8Array(cells), moves = new Int8Array(cells).fill(-1);
        for (let cell = 0; cell < cells; cell++) {
          const score = (d) => logits[cell * A + d];
          if (by === MARKS) said[cell] = score(1) > score(0);
          for (let d = 0; by !== MARKS && d < 4; d++) { // a policy takes the best of the open moves
            if (by === MOVES ? score(d) <= 0 : hasWall(maze, cell, d)) continue;
            if (by === MOVES) said[cell] |= 1 << d;
            if (moves[cell] < 0 || score(d) > score(moves[cell])) moves[cell] = d;
          }
          if (by === POLICY && moves[cell] >= 0) said[cell] = 1 << moves[cell];
        }
        return { said, way: by === MARKS ? [] : trmMaze.walk(maze, moves) };
      },
      draw: (answer, before) => (answer ? drawAnswer(answer, before) : "") + drawWalls() + drawEnds(),
      says(answer) {
        const shortest = far[maze.start];
        const exact = shortest < 0 ? "An exact search finds no way from S to G."
          : `The shortest way takes ${several(shortest, "step")}, an exact search says.`;
        if (!answer) return exact;
        return `${by === MARKS ? saysMarks(answer.said) : saysMoves(answer.said, answer.way)} ${exact}`;
      },
      facts: ({ said, way }) => (by === MARKS ? said : way).join(" "),
      here() {
        const walls = ["above", "right", "below", "left"].filter((_, d) => hasWall(maze, cursor, d));
        const end = cursor === maze.start ? ", start" : cursor === maze.goal ? ", goal" : "";
        return `Row ${row(cursor) + 1}, column ${column(cursor) + 1}${end}. Walls: ${walls.join(", ") || "none"}.`;
      },
      pressed(event) {
        const d = KEYS.indexOf(event.key), end = { s: "start", g: "goal" }[event.key.toLowerCase()];
        if (d >= 0 && event.shiftKey) {
          return setWall(maze, cursor, d, 1 - hasWall(maze, cursor, d)) ? "changed" : "moved";
        }
        if (d >= 0) {
          if (!onBorder(maze, cursor, d)) cursor += steps(maze)[d];
          return "moved";
        }
        if (!end || cursor === maze.start || cursor === maze.goal) return null;
        maze[end] = cursor;
        return "changed";
      },
      pointed(phase, x, y) {
        const c = Math.floor(x), r = Math.floor(y), cell = r * maze.columns + c;
        const inside = c >= 0 && r >= 0 && c < maze.columns && r < maze.rows;
        const gaps = [y - r, c + 1 - x, r + 1 - y, x - c], d = gaps.indexOf(Math.min(...gaps));
        const build = () => hasWall(maze, drag.cell, drag.d) !== drag.wall && setWall(maze, drag.cell, drag.d, drag.wall);
        let did = false;
        if (phase === "down") {
          const end = cell === maze.start ? "start" : cell === maze.goal ? "goal" : null;
          drag = !inside ? null : end && gaps[d] > 0.15 ? { end } : { cell, d, wall: 1 - hasWall(maze, cell, d) };
        } else if (drag && drag.end) {
          did = phase === "move" && inside && cell !== maze.start && cell !== maze.goal;
          if (did) maze[drag.end] = cell;
        } else if (drag && phase === "up") {
          did = build();
        } else if (drag && phase === "move" && inside && gaps[d] < 0.25 && (cell !== drag.cell || d !== drag.d)) {
          did = build(); // the edge that is left, and the one that is reached
          Object.assign(drag, { cell, d });
          did = build() || did;
        }
        if (phase === "up" || phase === "cancel") drag = null;
        return did;
      },
      tools(page) {
        const layout = (text, kind) => button(text, () => { make(kind); page.changed(); });
        if (isSmall) return [layout("Another maze", "loops")];
        for (const input of [rows, columns]) input.onchange = () => { make("tree"); page.changed(); };
        choice.onchange = () => { by = choice.value; page.changed(); };
        return [
          layout("Tree", "tree"), layout("Loops", "loops"), layout("Open", "open"),
          ...(isPolicy ? [button("Walk", () => walkAlong(page))] : [button("One the first fails", () => page.open(FIRST_FAILS))]),
          element("span", {}, rows, " × ", columns),
          ...(isPolicy ? [] : [element("span", {}, element("label", { for: choice.id }, "Network"), " ", choice)]),
        ];
      },
    };
  }
  trmPlay.games.maze = trmPlay.games.policy = mazeGame;
})();
