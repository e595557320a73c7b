/* The rules of the playground's puzzles: mazes and Sudokus, drawn at random and solved exactly.

   A maze is {rows, columns, walls, start, goal}: walls[cell] has bit d set where there is a wall in
   direction d (0 up, 1 right, 2 down, 3 left), as in trm_lib.puzzles. A Sudoku is an array of N x N
   digits, 0 where a cell is empty. Networks are asked elsewhere: nothing here thinks for them.
*/
const trmMaze = (function () {
  "use strict";
  const SIDES = [3, 60]; // fewest and most rows or columns
  const steps = ({ columns }) => [-columns, 1, columns, -1];
  const hasWall = (maze, cell, d) => (maze.walls[cell] >> d) & 1;
  const onBorder = ({ rows, columns }, cell, d) =>
    [cell < columns, (cell + 1) % columns === 0, cell >= (rows - 1) * columns, cell % columns === 0][d];

  // a wall is seen from both of its cells; those of the border stay
  function setWall(maze, cell, d, there) {
    if (onBorder(maze, cell, d)) return false;
    const other = cell + steps(maze)[d], back = (d + 2) % 4;
    maze.walls[cell] = (maze.walls[cell] & ~(1 << d)) | (there << d);
    maze.walls[other] = (maze.walls[other] & ~(1 << back)) | (there << back);
    return true;
  }

  // "tree": one way between any two cells, each tree as likely (Wilson's walks without loops);
  // "loops": a tenth of its other walls opened as well; "open": no walls inside
  function make(rows, columns, layout, random = Math.random) {
    const cells = rows * columns;
    const maze = { rows, columns, walls: new Uint8Array(cells).fill(15), start: 0, goal: cells - 1 };
    const inTree = new Uint8Array(cells), wayOut = new Uint8Array(cells);
    inTree[Math.floor(random() * cells)] = 1;
    for (let first = 0; first < cells; first++) {
      for (let at = first; !inTree[at]; at += steps(maze)[wayOut[at]]) {
        do wayOut[at] = Math.floor(random() * 4); while (onBorder(maze, at, wayOut[at]));
      }
      for (let at = first; !inTree[at]; at += steps(maze)[wayOut[at]]) {
        inTree[at] = 1;
        setWall(maze, at, wayOut[at], 0);
      }
    }
    const opened = { tree: 0, loops: 0.1, open: 1 }[layout];
    for (let cell = 0; cell < cells; cell++) {
      for (const d of [1, 2]) if (hasWall(maze, cell, d) && random() < opened) setWall(maze, cell, d, 0);
    }
    return maze;
  }

  // steps from every cell to another one, -1 where there is no way: breadth-first search
  function distances(maze, to) {
    const far = new Int32Array(maze.walls.length).fill(-1), queue = [to];
    far[to] = 0;
    for (const cell of queue) {
      steps(maze).forEach((step, d) => {
        if (hasWall(maze, cell, d) || far[cell + step] >= 0) return;
        far[cell + step] = far[cell] + 1;
        queue.push(cell + step);
      });
    }
    return far;
  }

  // the way from the start by one move a cell; -1 says none. It ends at the goal, where no move is
  // said, at a wall, or where it would step on itself.
  function walk(maze, moves) {
    const way = [maze.start], been = new Set(way);
    for (let here = maze.start; here !== maze.goal; ) {
      const d = moves[here];
      if (d < 0 || hasWall(maze, here, d) || been.has(here + steps(maze)[d])) break;
      here += steps(maze)[d];
      been.add(here);
      way.push(here);
    }
    return way;
  }

  // "8x8.<two cells a hex digit: right wall, lower wall>.start.goal"
  function encode({ rows, columns, walls, start, goal }) {
    let text = "";
    for (let cell = 0; cell < walls.length; cell += 2) {
      text += (((walls[cell] >> 1) & 3) | (((walls[cell + 1] >> 1) & 3) << 2)).toString(16);
    }
    return `${rows}x${columns}.${text}.${start}.${goal}`;
  }

  function decode(text) {
    const found = /^(\d+)x(\d+)\.([0-9a-f]+)\.(\d+)\.(\d+)$/.exec(text || "");
    if (!found) return null;
    const [rows, columns, start, goal] = [1, 2, 4, 5].map((i) => Number(found[i]));
    const cells = rows * columns, fits = (side) => side >= SIDES[0] && side <= SIDES[1];
    if (!fits(rows) || !fits(columns) || found[3].length !== Math.ceil(cells / 2)) return null;
    if (start >= cells || goal >= cells || start === goal) return null;
    const maze = { rows, columns, walls: new Uint8Array(cells).fill(15), start, goal };
    for (let cell = 0; cell < cells; cell++) {
      const bits = parseInt(found[3][cell >> 1], 16) >> (2 * (cell % 2));
      for (const d of [1, 2]) setWall(maze, cell, d, (bits >> (d - 1)) & 1);
    }
    return maze;
  }
  return { SIDES, steps, hasWall, onBorder, setWall, make, distances, walk, encode, decode };
})();

const trmSudoku = (function () {
  "use strict";
  const boxOf = (N) => ({ 4: [2, 2], 6: [2, 3], 9: [3, 3] })[N]; // rows and columns of a box

  // the cells that may not hold the digit of a cell
  function peers(N, cell) {
    const [high, wide] = boxOf(N), row = Math.floor(cell / N), column = cell % N;
    return [...Array(N * N).keys()].filter((other) => {
      const r = Math.floor(other / N), c = other % N;
      const sameBox = Math.floor(r / high) === Math.floor(row / high) &&
        Math.floor(c / wide) === Math.floor(column / wide);
      return other !== cell && (r === row || c === column || sameBox);
    });
  }
  const PEERS = { 4: [], 6: [], 9: [] };
  for (const N of [4, 6, 9]) for (let cell = 0; cell < N * N; cell++) PEERS[N].push(peers(N, cell));

  const size = (board) => Math.sqrt(board.length);
  const clashes = (board, cell) =>
    board[cell] > 0 && PEERS[size(board)][cell].some((other) => board[other] === board[cell]);
  const isSolution = (clues, board) =>
    board.every((digit, cell) => digit > 0 && !clashes(board, cell) && (!clues[cell] || clues[cell] === digit));

  // up to `most` solutions: always the cell with the fewest candidates first, so it is exact and quick
  function solutions(board, most = 2, order = (digits) => digits) {
    const N = size(board), found = [], filled = Array.from(board);
    if (filled.some((_, cell) => clashes(filled, cell))) return found;
    (function search() {
      let best = null, at = -1;
      for (let cell = 0; cell < filled.length; cell++) {
        if (filled[cell]) continue;
        const taken = new Set(PEERS[N][cell].map((other) => filled[other]));
        const free = [...Array(N).keys()].map((i) => i + 1).filter((digit) => !taken.has(digit));
        if (!best || free.length < best.length) [best, at] = [free, cell];
      }
      if (!best) return found.push(filled.slice());
      for (const digit of order(best)) {
        filled[at] = digit;
        search();
        if (found.length >= most) break;
      }
      filled[at] = 0;
    })();
    return found;
  }

  function shuffled(list, random) {
    const mixed = Array.from(list);
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
    }
    return mixed;
  }

  // a puzzle with one solution, from which no clue can be taken away
  function make(N, random = Math.random) {
    const [board] = solutions(Array(N * N).fill(0), 1, (digits) => shuffled(digits, random));
    for (const cell of shuffled(board.keys(), random)) {
      const digit = board[cell];
      board[cell] = 0;
      if (solutions(board).length > 1) board[cell] = digit;
    }
    return board;
  }

  const encode = (board) => board.map((digit) => digit || ".").join("");
  function decode(text) {
    const board = Array.from(text || "", (mark) => (mark === "." ? 0 : Number(mark))), N = size(board);
    return boxOf(N) && board.every((digit) => digit >= 0 && digit <= N) ? board : null;
  }
  return { boxOf, clashes, isSolution, solutions, make, encode, decode };
})();
