/* Sudokus of the playground: what the networks hold for likely, cell by cell, and what the rules say. */
(function () {
  "use strict";
  const { element, button } = trmPlay;
  const INK = "#222222", ANSWER = "#0072B2", WRONG = "#8A3A00", LINE = "#9AA0A6";
  const SHADE = "#E6E8EB", WRONG_CELL = "#FBE6DA";
  const SURE = 0.9; // from here on, a cell counts as sure of its digit
  const KEYS = { ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowDown: [1, 0], ArrowLeft: [0, -1] };

  function sudokuGame() {
    let board, found = [], cursor = 0; // found: up to two solutions, exactly
    const size = () => Math.sqrt(board.length);
    const place = (cell) => [cell % size(), Math.floor(cell / size())];
    const isWrong = ({ digits }, cell) => (found.length === 1 ? digits[cell] !== found[0][cell]
      : digits[cell] === 0 || trmSudoku.clashes(digits, cell) || (board[cell] > 0 && board[cell] !== digits[cell]));

    function put(digit) {
      if (digit > size()) return null;
      board[cursor] = digit;
      return "changed";
    }
    function text(x, y, digit, height, colour, weight = 400) {
      return `<text x="${x.toFixed(2)}" y="${y.toFixed(2)}" font-size="${height}" font-weight="${weight}" ` +
        `text-anchor="middle" fill="${colour}">${digit}</text>`;
    }
    // small digits, each as dark as it is likely
    function candidates(x, y, chances) {
      const wide = Math.ceil(Math.sqrt(size())), each = 1 / wide;
      return chances.slice(1).map((chance, i) => {
        if (chance < 0.03) return "";
        const left = x + ((i % wide) + 0.5) * each, base = y + (Math.floor(i / wide) + 0.8) * each;
        return `<g opacity="${(0.25 + 0.75 * chance).toFixed(2)}">${text(left, base, i + 1, 0.78 * each, INK)}</g>`;
      }).join("");
    }
    function drawCell(cell, answer) {
      const [x, y] = place(cell), clue = board[cell], torn = answer && !clue && answer.sure[cell] < SURE;
      const wrong = answer && !torn && isWrong(answer, cell);
      const ground = wrong ? WRONG_CELL : clue ? SHADE : "#fff";
      let drawn = `<rect x="${x}" y="${y}" width="1" height="1" fill="${ground}"/>`;
      if (clue) drawn += text(x + 0.5, y + 0.69, clue, 0.55, INK, 700);
      else if (torn) drawn += candidates(x, y, answer.chances[cell]);
      else if (answer) drawn += text(x + 0.5, y + 0.69, answer.digits[cell] || "?", 0.55, wrong ? WRONG : ANSWER);
      if (wrong) drawn += `<path d="M${x + 0.06} ${y + 0.94}l.88 -.88" stroke="${WRONG}" stroke-width=".03"/>`;
      return drawn;
    }
    function drawLines() {
      const N = size(), [high, wide] = trmSudoku.boxOf(N);
      let thin = "", thick = `M0 0h${N}v${N}h${-N}z`;
      for (let i = 1; i < N; i++) {
        const [across, along] = [`M0 ${i}h${N}`, `M${i} 0v${N}`];
        if (i % high) thin += across;
        else thick += across;
        if (i % wide) thin += along;
        else thick += along;
      }
      const [x, y] = place(cursor);
      return `<path d="${thin}" stroke="${LINE}" stroke-width=".02"/>` +
        `<path d="${thick}" stroke="${INK}" stroke-width=".05" fill="none"/>` +
        `<rect class="trm-play-cursor" x="${x + 0.04}" y="${y + 0.04}" width=".92" height=".92" rx=".06"/>`;
    }

    const pad = element("div", { class: "trm-play-pad", role: "group", "aria-label": "Digits" });
    return {
      label: "Sudoku",
      help: "Choose a cell and type a digit, or press one here: it becomes a clue. Delete empties the cell. " +
        "Small digits are candidates, the darker the likelier; a large digit is one of which the network is sure, at over 90%.",
      pace: 700,
      pad,
      network: () => (size() === 9 ? "candidates" : `sudoku${size()}`),
      grid: () => [size(), size()],
      most: () => (size() === 9 ? 64 : 32),
      tokens: () => board,
      encode: () => trmSudoku.encode(board),
      decode(told) {
        const read = trmSudoku.decode(told);
        if (read) board = read;
        return Boolean(read);
      },
      solve() {
        found = trmSudoku.solutions(board);
        cursor = Math.min(cursor, board.length - 1);
        [...pad.children].forEach((key, digit) => { key.hidden = digit > size(); });
      },
      read(logits) {
        const V = size() + 1, chances = board.map((_, cell) => {
          const scores = Array.from(logits.subarray(cell * V, (cell + 1) * V)), most = Math.max(...scores);
          const parts = scores.map((score) => Math.exp(score - most)), sum = parts.reduce((a, b) => a + b);
          return parts.map((part) => part / sum);
        });
        const sure = chances.map((each) => Math.max(...each));
        return { chances, sure, digits: chances.map((each, cell) => each.indexOf(sure[cell])) };
      },
      draw: (answer) => board.map((_, cell) => drawCell(cell, answer)).join("") + drawLines(),
      says(answer) {
        const exact = ["The clues contradict each other: an exact solver finds no solution.",
          "An exact solver finds one solution.", "An exact solver finds several solutions."][found.length];
        if (!answer) return exact;
        if (trmSudoku.isSolution(board, answer.digits)) {
          return `Right: the rules accept every row, column and box. ${exact}`;
        }
        const cells = board.map((_, cell) => cell), wrong = cells.filter((cell) => isWrong(answer, cell));
        const sure = wrong.filter((cell) => answer.sure[cell] > SURE).length;
        const unsure = cells.filter((cell) => !board[cell] && answer.sure[cell] <= SURE).length;
        return `${wrong.length} of ${cells.length} cells wrong, ${sure} of them while sure (over 90%); unsure in ${unsure}. ${exact}`;
      },
      facts: ({ digits }) => digits.join(""),
      here(answer) {
        const [x, y] = place(cursor), told = answer && !board[cursor]
          ? `answer ${answer.digits[cursor]}, ${Math.round(100 * answer.sure[cursor])} per cent${isWrong(answer, cursor) ? ", wrong" : ""}`
          : board[cursor] ? `clue ${board[cursor]}` : "empty";
        return `Row ${y + 1}, column ${x + 1}: ${told}.`;
      },
      pressed({ key }) {
        const move = KEYS[key], N = size();
        if (/^[1-9]$/.test(key)) return put(Number(key));
        if (["Delete", "Backspace", "0", "."].includes(key)) return put(0);
        if (!move) return null;
        const [x, y] = place(cursor), next = [y + move[0], x + move[1]];
        if (next.every((at) => at >= 0 && at < N)) cursor = next[0] * N + next[1];
        return "moved";
      },
      pointed(phase, x, y) {
        const [c, r] = [x, y].map((at) => Math.max(0, Math.min(size() - 1, Math.floor(at))));
        if (phase === "up") cursor = r * size() + c;
        return false;
      },
      tools(page) {
        const fresh = (label, make) => button(label, () => { board = make(); page.changed(); });
        pad.append(...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) =>
          button(digit || "Empty", () => { put(digit); page.changed(); })));
        return [
          fresh("New 4 × 4", () => trmSudoku.make(4)), fresh("New 6 × 6", () => trmSudoku.make(6)),
          fresh("New 9 × 9", () => trmSudoku.make(9)),
          fresh("No clues", () => board.map(() => 0)),
        ];
      },
    };
  }
  trmPlay.games.sudoku = sudokuGame;
})();
