"""Chapter 03: what hints on the way are worth, and then Sudoku by trial and error.

Hints: perfect mazes of 3 x 3 cells, start and goal anywhere, +1 at the goal and -0.01 a step, no
masks. All 192 layouts, split by classes under turns and mirrors. Shaped or not, a policy is
measured on the unshaped task.

Sudoku: policies fill 4x4 puzzles of classes never seen, digit by digit. They see pencil marks, that
is, their action mask as channels ("candidates"), unless said otherwise.

Axes: M layouts or puzzles, K improvement steps.
"""

from dataclasses import dataclass, fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from book.recipes import unseen_mazes
from book.recipes.data import by_part
from trm_lib import puzzles
from trm_lib.envs import SudokuReward, VectorPotentialShaping, random_legal_policy
from trm_lib.evaluation import every_maze, play_each, success_by_k
from trm_lib.experiments import Recipe
from trm_lib.models import BoardConfig, BoardPolicyConfig, MLPPolicyConfig, Policy, TRMConfig
from trm_lib.tasks import PolicyTask, World
from trm_lib.training import History, PPOConfig, ppo

# Hints in mazes, and a few settings beside.

NEARER = 0.2  # what a cell nearer pays in the scripts


@cache
def small_trees() -> dict[str, np.ndarray]:
    """The 192 perfect mazes (M, 3, 3) of 3 x 3 cells by part, whole classes each."""
    walls = puzzles.all_trees(3)
    split = puzzles.split_by_class(puzzles.layout_class(walls), fractions=(0.6, 0.2, 0.2), seed=0)
    return by_part(walls, split)


@dataclass(frozen=True)
class HintedMazes(World):
    """The training mazes with hints; success without, on every case of unseen layouts.

    The scripts' bonus 0.2 (d - d') is what a potential -0.2 d would pay to a learner that does not
    discount; this one discounts, so that it is no potential to it.

    Attributes:
        gamma: of the learner.
        hint: "none", "bonus", or the name of a potential of mazes.
        weight: of the potential.
    """

    gamma: float
    hint: str = "none"
    weight: float = NEARER

    def envs(self, count: int) -> VectorEnv:
        train = small_trees()["train"]
        envs = gym.make_vec("trm/Maze-v0", count, layouts=train, start="random", goal="random")
        if self.hint == "none":
            return envs
        if self.hint == "bonus":
            return VectorPotentialShaping(envs, "manhattan", 1.0, NEARER)
        return VectorPotentialShaping(envs, self.hint, self.gamma, self.weight)

    def success(self, policy: Policy, part: str, k_steps: int, use_masks: bool) -> np.ndarray:
        """Success (K,); every second validation case is watched."""
        cases = every_maze(small_trees()["test" if part == "test" else "validation"])
        asked = cases[::2] if part == "watched" else cases
        return unseen_mazes.success_on(asked, policy, k_steps, use_masks)


LEARNER = PolicyTask(
    unseen_mazes.trm(2),
    replace(unseen_mazes.TRAINING, total_steps=120_000, eval_every=2),
    num_envs=64,
    world=HintedMazes(unseen_mazes.TRAINING.gamma),
)
"""The small TRM of the mazes, T = 2, on 64 environments."""

HINTS = {
    "none": "no hints",
    "manhattan": "Manhattan potential, 0.2 a cell",
    "shortest_path": "potential of the shortest path, 0.2 a cell",
    "bonus": "a bonus of 0.2 for coming a cell nearer",
}

SETTINGS: dict[str, dict[str, Any]] = {
    "entropy_0": {"ent_coef": 0.0}, "entropy_0.03": {"ent_coef": 0.03},
    "no_clipping": {"max_grad_norm": 1e9}, "warmup_10": {"warmup": 10},
    "decay_0": {"decay": 0.0}, "decay_1": {"decay": 1.0},
}  # fmt: skip
"""What differs from `LEARNER`, which has entropy 0.005, gradients cut at 0.5, no warm-up and a rate
that falls over the second half."""

SHAPED = [
    Recipe(f"shaping/{name}", about,
           replace(LEARNER, world=replace(LEARNER.world, hint=name.replace("_", " "))))
    for name, about in HINTS.items()
] + [
    Recipe(f"shaping_settings/{name}",
           f"no hints, {', '.join(f'{key} = {value:g}' for key, value in change.items())}",
           replace(LEARNER, training=replace(LEARNER.training, **change)))
    for name, change in SETTINGS.items()
]  # fmt: skip


# Sudoku: +1 for a solved puzzle, -1 for one that is stuck, only legal digits may be written.

SPARSE = SudokuReward(right=0.0, wrong=0.0, clash=0.0, filled=0.0, clue=0.0, solved=1.0, stuck=-1.0)


@cache
def puzzles_with(empties: int, count: int = 100_000) -> dict[str, np.ndarray]:
    """4x4 puzzles (M, 4, 4) with one solution by part, split by symmetry classes.

    All there are, or `count` drawn evenly: 60% to train on.
    """
    every = puzzles.sudokus_4x4(16 - empties)
    if len(every) > count:
        every = every[np.random.default_rng(0).choice(len(every), count, replace=False)]
    boards, _ = puzzles.masked_grids(every)
    return by_part(
        boards, puzzles.split_by_hash(puzzles.class_key(boards), fractions=(0.6, 0.2, 0.2))
    )


@dataclass(frozen=True)
class SudokuToFill(World):
    """4x4 Sudokus filled digit by digit; measured on 5,000 of symmetry classes never seen.

    Attributes:
        reward: what a step pays.
        empties: how many cells are empty.
        observation: what is seen, see `trm/Sudoku-v0`.
        count: puzzles, if there are so many.
        n_watched: how many of the validation puzzles are watched.
    """

    reward: SudokuReward | str = SPARSE
    empties: int = 8
    observation: str = "candidates"
    count: int = 100_000
    n_watched: int = 500

    def envs(self, count: int) -> VectorEnv:
        return self.make(count, puzzles=puzzles_with(self.empties, self.count)["train"])

    def make(self, count: int, **options: Any) -> VectorEnv:
        given = {"reward": self.reward, "observation": self.observation}
        return gym.make_vec("trm/Sudoku-v0", count, **given, **options)

    def cases(self, part: str) -> np.ndarray:
        parts, rng = puzzles_with(self.empties, self.count), np.random.default_rng(1)
        validation = rng.permutation(parts["validation"])[: unseen_mazes.MANY]
        if part == "test":
            return rng.permutation(parts["test"])[: unseen_mazes.MANY]
        return validation[: self.n_watched] if part == "watched" else validation

    def success(self, policy: Policy, part: str, k_steps: int, use_masks: bool) -> np.ndarray:
        return success_by_k(policy, self.make, self.cases(part), k_steps, use_masks)

    def measure(self, policy: Policy, task: PolicyTask, seed: int) -> dict[str, Any]:
        """Also success of legal digits by chance."""
        by_chance = random_legal_policy(np.random.default_rng(seed))
        chance = play_each(self.make, self.cases("test"), by_chance)
        return {"random_legal_success": float(chance.success.mean())}


TRAINING = PPOConfig(
    total_steps=100_000, lr=3e-3, decay=0.5, gamma=1.0, ent_coef=0.002,
    num_steps=8, n_epochs=4, n_minibatches=4, eval_every=10,
)  # fmt: skip
CORE = {
    "vocab_size": 256, "grid": (4, 4), "width": 16, "n_layers": 1, "mixing": "mlp",
    "expansion": 2.0, "hidden_multiple": 1, "positions": "none", "n_answers": 5,
}  # fmt: skip
"""Fields that all cores share. Pencil marks are 8 channels of zeros and ones: 256 tokens."""


def digits(config: BoardConfig) -> BoardPolicyConfig:
    """A policy in which every cell names its digit."""
    return BoardPolicyConfig(core=config, n_actions=64)


FILLERS = {
    "trm": ("TRM, n = 2, T = 1", digits(TRMConfig(**CORE, n_latent=2, n_cycles=1)), 3e-3),
    "one_pass": ("the TRM's block, called once", digits(BoardConfig(**CORE)), 3e-3),
    "mlp": ("perceptron over all numbers",
            MLPPolicyConfig(n_inputs=128, n_actions=64, hidden=(20,)), 6e-3),
}  # fmt: skip
"""By name: what it is, the policy, and the rate that did best on validation puzzles."""


def filler(name: str, total_steps: int, lr: float | None = None, **world: Any) -> PolicyTask:
    """A learner for so many steps, at a rate of its own or this one, on 8 empty cells or others."""
    _, policy, best = FILLERS[name]
    training = replace(TRAINING, lr=lr or best, total_steps=total_steps)
    return PolicyTask(policy, training, 128, SudokuToFill(**world), 4 if name == "trm" else 1)


# Without pencil marks there are 5 channels.
WIDE = digits(TRMConfig(**CORE | {"vocab_size": 32, "width": 32}, n_latent=2, n_cycles=1))
BLIND = replace(filler("trm", 150_000, observation="channels"), policy=WIDE)

FILLED = [
    *(Recipe(f"sudoku_rl/{name}", about, filler(name, 60_000))
      for name, (about, _, _) in FILLERS.items()),
    *(Recipe(f"sudoku_rl_{empties}/{name}", f"{FILLERS[name][0]}; {empties} empty cells",
             filler(name, 150_000, empties=empties))
      for empties in (10, 12) for name in ("trm", "one_pass")),
    Recipe("sudoku_rl_plain/trm", "TRM of width 32 without pencil marks", BLIND),
    *(Recipe(f"sudoku_rl_tuning/{name}_lr_{lr:g}", f"{about}, at lr {lr:g}, 50,000 steps",
             filler(name, 50_000, lr))
      for name, (about, _, _) in FILLERS.items() for lr in (3e-3, 6e-3, 1.2e-2)),
]  # fmt: skip


# Is an easy start worth something? By way of 1 and 4 empty cells, or straight to 8.


@dataclass(frozen=True)
class Course(PolicyTask):
    """A policy that is taught in stages, and measured in its world.

    Attributes:
        stages: (empty cells, environment steps) of each.
    """

    stages: tuple[tuple[int, int], ...] = ()

    def train(
        self, seed: int, checkpoint: Path | None = None, progress: bool = False
    ) -> tuple[Policy, History]:
        """The policy and one history; short enough to begin anew when interrupted."""
        policy, whole, done = self.build(seed), History(), 0
        how = {"part": "watched", "k_steps": 1, "use_masks": self.training.use_masks}
        for empties, length in self.stages:
            history = ppo(
                policy,
                replace(self.world, empties=empties).envs(self.num_envs),
                replace(self.training, total_steps=length, seed=seed),
                evaluate=partial(self.world.success, **how),
                progress=progress,
            )
            history.steps = [done + steps for steps in history.steps]
            history.eval_steps = [done + steps for steps in history.eval_steps]
            history.eval_seconds = [whole.seconds + s for s in history.eval_seconds]
            for field in fields(whole):
                both = getattr(whole, field.name) + getattr(history, field.name)
                setattr(whole, field.name, both)
            done = whole.steps[-1]
        return policy.eval(), whole

    def measure(self, policy: Policy, history: History, seed: int = 0) -> dict[str, Any]:
        """As for other policies; there is one K."""
        numbers = super().measure(policy, history, seed)
        return numbers | {"test_success": numbers["test_success_by_k"][0]}


TAUGHT = Course(  # the TRM, +1 for a solved puzzle and -0.01 for every action: 65,536 steps
    FILLERS["trm"][1], replace(TRAINING, decay=0.0, gamma=0.98, eval_every=4), num_envs=128,
    world=SudokuToFill("clean", count=20_000, n_watched=250), stages=((8, 65_536),),
)  # fmt: skip
BY_WAY = replace(TAUGHT, stages=((1, 8192), (4, 8192), (8, 49_152)))

COURSES = [
    Recipe(f"curriculum/{masks}_{way}", f"{what}, {how}",
           replace(task, training=replace(task.training, use_masks=masks == "masks")))
    for masks, what in (("masks", "legal actions only"), ("free", "any action"))
    for way, how, task in (
        ("straight", "8 empty cells from the start", TAUGHT),
        ("by_way", "1, 4, then 8 empty cells", BY_WAY),
    )
]  # fmt: skip

EXPERIMENTS = (
    "shaping", "shaping_settings", "sudoku_rl", "sudoku_rl_10", "sudoku_rl_12", "sudoku_rl_plain",
    "sudoku_rl_tuning", "curriculum",
)  # fmt: skip
RECIPES = [*SHAPED, *FILLED, *COURSES]
