/* The networks of this book, thinking in the page: what trm_lib.models does, in plain JavaScript.

   A state is L cells of D numbers, row by row, in one Float64Array, since JavaScript computes in
   double precision. Weights are those of PyTorch, written by `python -m trm_lib export`. One
   classic script: it works from a folder on disk.

     const network = trmNetwork(exported);
     let carry = network.start(tokens, [rows, columns]); // or, with a third argument, from random numbers
     carry = network.step(carry);          // one improvement step
     carry.logits                          // L x A: the answer after it
*/
function trmThink(root) {
  "use strict";
  const EPS = 1e-5; // of PyTorch's rms_norm, as in trm_lib
  const OPEN = 0, FALSE = 1, TRUE = 2; // what clues say of a Sudoku's candidates
  const NEVER = -1e4; // the logit of the answer "empty"

  function numbers(base64) {
    const text = atob(base64), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return Float64Array.from(new Float32Array(bytes.buffer));
  }

  // out[l, o] = sum over i of h[l, i] W[o, i]: a matrix on every cell, four cells at a time
  function linear(h, weight, fanOut) {
    const fanIn = weight.length / fanOut, L = h.length / fanIn, out = new Float64Array(L * fanOut);
    let l = 0;
    for (; l + 3 < L; l += 4) {
      const from = l * fanIn, second = from + fanIn, third = second + fanIn, fourth = third + fanIn;
      for (let o = 0, row = 0; o < fanOut; o++, row += fanIn) {
        let a = 0, b = 0, c = 0, d = 0;
        for (let i = 0; i < fanIn; i++) {
          const w = weight[row + i];
          a += h[from + i] * w;
          b += h[second + i] * w;
          c += h[third + i] * w;
          d += h[fourth + i] * w;
        }
        const to = l * fanOut + o;
        out[to] = a;
        out[to + fanOut] = b;
        out[to + 2 * fanOut] = c;
        out[to + 3 * fanOut] = d;
      }
    }
    for (; l < L; l++) { // what is left of them
      for (let o = 0; o < fanOut; o++) {
        let a = 0;
        for (let i = 0; i < fanIn; i++) a += h[l * fanIn + i] * weight[o * fanIn + i];
        out[l * fanOut + o] = a;
      }
    }
    return out;
  }

  // each row of D numbers is scaled to root mean square 1, in place
  function rmsNorm(h, D) {
    for (let from = 0; from < h.length; from += D) {
      let sum = 0;
      for (let i = 0; i < D; i++) sum += h[from + i] * h[from + i];
      const scale = 1 / Math.sqrt(sum / D + EPS);
      for (let i = 0; i < D; i++) h[from + i] *= scale;
    }
    return h;
  }

  function add(...parts) {
    const sum = Float64Array.from(parts[0]);
    for (const part of parts.slice(1)) for (let i = 0; i < sum.length; i++) sum[i] += part[i];
    return sum;
  }

  // down(silu(gate(h)) * up(h)), or down(relu(up(h))) where there is no gate
  function feedForward(h, weights, name, D) {
    const gated = weights[name + ".gate_up.weight"], down = weights[name + ".down.weight"];
    const hidden = down.length / D;
    if (!gated) {
      return linear(linear(h, weights[name + ".up.weight"], hidden).map((a) => Math.max(0, a)), down, D);
    }
    const both = linear(h, gated, 2 * hidden), L = h.length / D, inner = new Float64Array(L * hidden);
    for (let l = 0; l < L; l++) {
      for (let i = 0; i < hidden; i++) {
        const gate = both[2 * l * hidden + i];
        inner[l * hidden + i] = (gate / (1 + Math.exp(-gate))) * both[(2 * l + 1) * hidden + i];
      }
    }
    return linear(inner, down, D);
  }

  function transpose(h, rows, columns) {
    const turned = new Float64Array(h.length);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = h[r * columns + c];
    return turned;
  }

  const MIXINGS = {
    none: (h) => h,
    // every cell sees its 3 x 3 neighbourhood, channel by channel, then a matrix joins channels
    conv(h, weights, name, D, [rows, columns]) {
      const kernel = weights[name + ".depthwise"], seen = new Float64Array(h.length);
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) {
        const to = (r * columns + c) * D;
        for (let down = -1; down < 2; down++) for (let right = -1; right < 2; right++) {
          if (r + down < 0 || r + down >= rows || c + right < 0 || c + right >= columns) continue;
          const from = ((r + down) * columns + c + right) * D, tap = 3 * (down + 1) + right + 1;
          for (let i = 0; i < D; i++) seen[to + i] += h[from + i] * kernel[9 * i + tap];
        }
      }
      return rmsNorm(add(h, linear(seen, weights[name + ".pointwise.weight"], D)), D);
    },
    // candidates hear the sums over their cell, and with their digit their row, column and box
    constraints(h, weights, name, D, [N]) {
      const high = boxHeight(N), wide = N / high, said = Float64Array.from(h);
      const FAMILIES = [
        ["cell", (r, c) => r * N + c], ["line", (r, c, d) => r * N + d], ["line", (r, c, d) => c * N + d],
        ["box", (r, c, d) => (Math.floor(r / high) * high + Math.floor(c / wide)) * N + d],
      ];
      for (const [matrix, constraint] of FAMILIES) {
        const sums = new Float64Array(N * N * D);
        const each = (visit) => {
          for (let r = 0, at = 0; r < N; r++) for (let c = 0; c < N; c++) {
            for (let d = 0; d < N; d++, at += D) visit(at, constraint(r, c, d) * D);
          }
        };
        each((at, to) => { for (let i = 0; i < D; i++) sums[to + i] += h[at + i] / 9; });
        const told = linear(sums, weights[`${name}.${matrix}.weight`], D);
        each((at, from) => { for (let i = 0; i < D; i++) said[at + i] += told[from + i]; });
      }
      return said;
    },
    // a gated layer across the cells, the same for every channel
    mlp(h, weights, name, D) {
      const L = h.length / D, across = transpose(h, L, D);
      return transpose(rmsNorm(add(across, feedForward(across, weights, name + ".swiglu", L)), L), D, L);
    },
  };

  // boxes are as square as can be
  function boxHeight(N) {
    let high = Math.floor(Math.sqrt(N));
    while (N % high) high--;
    return high;
  }

  // digits to what is known of each candidate
  function candidates(digits) {
    const N = Math.sqrt(digits.length), states = [];
    for (const clue of digits) {
      for (let d = 1; d <= N; d++) states.push(clue === 0 ? OPEN : clue === d ? TRUE : FALSE);
    }
    return states;
  }

  function stack(h, network, grid, name = "stack", mixing = network.config.mixing, D = network.config.width) {
    for (let b = 0; network.weights[`${name}.blocks.${b}.swiglu.down.weight`]; b++) {
      const block = `${name}.blocks.${b}`;
      h = MIXINGS[mixing](h, network.weights, block + ".mixing", D, grid);
      h = add(h, feedForward(h, network.weights, block + ".swiglu", D));
      const last = !network.weights[`${name}.blocks.${b + 1}.swiglu.down.weight`];
      h = network.config.bounded && last ? h.map(Math.tanh) : rmsNorm(h, D);
    }
    return h;
  }

  // one improvement step of each kind: from its states to new ones, the answer's first
  const KINDS = {
    Looped(network, x, { h }, grid) {
      for (let call = 0; call < network.config.n_calls * network.config.n_cycles; call++) {
        h = stack(add(h, x), network, grid);
      }
      return { h };
    },
    TRM(network, x, { y, z }, grid) {
      const { n_latent, n_cycles } = network.config;
      for (let cycle = 0; cycle < n_cycles; cycle++) {
        for (let i = 0; i < n_latent; i++) z = stack(add(z, y, x), network, grid);
        y = stack(add(y, z), network, grid);
      }
      return { y, z };
    },
    HierarchicalTRM(network, x, { high, low }, grid) {
      const { width, low_width, n_cycles } = network.config, w = network.weights;
      for (let cycle = 0; cycle < n_cycles; cycle++) {
        high = stack(add(high, x), network, grid);
        low = stack(add(low, linear(high, w["high_to_low.weight"], low_width)), network, grid,
          "low_stack", "none", low_width);
        high = rmsNorm(add(high, linear(low, w["low_to_high.weight"], width)), width);
      }
      return { high, low };
    },
  };
  const STARTS = { Looped: { h: "h0" }, TRM: { y: "y0", z: "z0" }, HierarchicalTRM: { high: "h0", low: "l0" } };

  // standard normal numbers, always the same: a congruential generator, and Box and Muller's method
  function normal(count) {
    let state = 1;
    const uniform = () => (state = (1664525 * state + 1013904223) % 2 ** 32, (state + 0.5) / 2 ** 32);
    return Float64Array.from({ length: count }, () =>
      Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
  }

  root.trmNetwork = function (exported) {
    const { kind, config } = exported, D = config.width;
    if (!KINDS[kind] || !MIXINGS[config.mixing]) {
      throw new Error(`this page cannot think with ${kind} and mixing ${config.mixing}`);
    }
    const weights = {};
    for (const name in exported.weights) weights[name] = numbers(exported.weights[name]);
    const network = { config, weights };
    return {
      config,
      start(tokens, grid, drawn = false) {
        if (config.mixing === "constraints") tokens = candidates(tokens);
        const x = new Float64Array(tokens.length * D), states = {};
        tokens.forEach((token, l) => {
          for (let i = 0; i < D; i++) x[l * D + i] = Math.sqrt(D) * weights.embedding[token * D + i];
        });
        for (const state in STARTS[kind]) {
          const start = weights[STARTS[kind][state]], W = start.length;
          states[state] = drawn ? normal(tokens.length * W)
            : new Float64Array(tokens.length * W).map((_, i) => start[i % W]);
        }
        return { k: 0, grid, x, states };
      },
      step({ k, grid, x, states }) {
        states = KINDS[kind](network, x, states, grid);
        const answer = Object.values(states)[0];
        let logits = linear(answer, weights["head.weight"], weights["head.weight"].length / D);
        if (config.mixing === "constraints") { // one number a candidate: N + 1 of a cell
          const N = grid[0], of = Array.from({ length: N * N }, (_, cell) => [NEVER, ...logits.subarray(cell * N, (cell + 1) * N)]);
          logits = Float64Array.from(of.flat());
        }
        return { k: k + 1, grid, x, states, logits };
      },
    };
  };
}
trmThink(globalThis);
