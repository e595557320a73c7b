"""Policies: thinking once about each board is thinking about every one, and memory is memory."""

from dataclasses import replace

import pytest
import torch

from tests.models.small import seeded
from trm_lib import models
from trm_lib.models import BoardPolicy, BoardPolicyConfig

B, SIDE, MARKER = 12, 3, 1
CORE = {
    "vocab_size": 4, "grid": (SIDE, SIDE), "width": 16, "n_layers": 1, "hidden_multiple": 1,
}  # fmt: skip
TRM = models.TRMConfig(**CORE, n_latent=2, n_cycles=1, n_answers=5)
HIERARCHICAL = models.HierarchicalConfig(**CORE, low_width=8, n_answers=5)
FEED_FORWARD = models.BoardConfig(**CORE, n_answers=5)
MARKED = {"n_actions": 4, "marker": MARKER, "k_steps": 2}

CONFIGS = {
    "trm": BoardPolicyConfig(core=TRM, **MARKED),
    "hierarchical": BoardPolicyConfig(core=HIERARCHICAL, **MARKED),
    "feed-forward": BoardPolicyConfig(core=FEED_FORWARD, **MARKED),
    "trm, previous": BoardPolicyConfig(core=TRM, **MARKED, previous_action=True),
    "hierarchical, previous": BoardPolicyConfig(core=HIERARCHICAL, **MARKED, previous_action=True),
    "trm, over time": BoardPolicyConfig(core=TRM, **MARKED, carry_over_time=True),
    "hierarchical, over time": BoardPolicyConfig(core=HIERARCHICAL, **MARKED, carry_over_time=True),
    "trm, both": BoardPolicyConfig(
        core=TRM, **MARKED, previous_action=True, carry_over_time=True
    ),
}  # fmt: skip
for name in ("trm", "hierarchical", "feed-forward", "trm, previous", "trm, over time"):
    config = CONFIGS[name]
    every_cell = {"core": replace(config.core, n_answers=3), "n_actions": 2 * SIDE**2}
    CONFIGS[f"{name}, every cell"] = replace(config, marker=None, **every_cell)
ON_BOARDS = tuple(CONFIGS)
CONFIGS |= {
    "mlp": models.FlatPolicyConfig(n_inputs=3 * SIDE**2, n_actions=4, hidden=(8, 8)),
    "gru": models.FlatPolicyConfig(n_inputs=3 * SIDE**2, n_actions=4, hidden=(8, 8)),
}
REMEMBERS = tuple(name for name in CONFIGS if "over time" in name or name in ("trm, both", "gru"))
FRESH = tuple(name for name in ON_BOARDS if name not in REMEMBERS)


def untrained(name, seed=0):
    kind = {"mlp": models.MLPPolicy, "gru": models.GRUPolicy}.get(name, BoardPolicy)
    return kind(CONFIGS[name], seeded(seed))


def new_policy(name):
    policy = untrained(name)
    head = policy.core.head if name in ON_BOARDS else policy.actor[-1]
    head.weight.data.mul_(100)  # as large as after training: else all answers look alike
    return policy


def observe(policy, seed=0, n_boards=4):
    """Boards (B, C, 3, 3), of which only few differ, and previous actions, some just begun."""
    rng = seeded(seed)
    boards = torch.randint(0, 2, (n_boards, 2, SIDE, SIDE), generator=rng).float()
    observations = boards[torch.randint(0, n_boards, (B,), generator=rng)]
    if getattr(policy.config, "marker", 0) is not None:
        cells = torch.randint(0, SIDE**2, (B,), generator=rng)
        observations = mark(observations, cells)
    previous = torch.randint(0, policy.n_actions + 1, (B,), generator=rng)
    previous[:2] = torch.tensor([0, policy.n_actions])
    return observations, previous


def mark(boards, cells):
    """Put a marker channel between the two channels of each board."""
    marker = torch.nn.functional.one_hot(cells, SIDE**2).float().view(-1, 1, SIDE, SIDE)
    return torch.cat([boards[:, :1], marker, boards[:, -1:]], dim=1)


def assert_same(out, other):
    torch.testing.assert_close(out.logits, other.logits)
    torch.testing.assert_close(out.values, other.values)


def one_by_one(policy, observations, previous):
    """The answers to each row asked for alone."""
    rows = [policy(o[None], p[None], None)[0] for o, p in zip(observations, previous, strict=True)]
    logits, values = [r.logits for r in rows], [r.values for r in rows]
    return type(rows[0])(torch.cat(logits, dim=1), torch.cat(values, dim=1))


def boards_thought_about(policy, *asked):
    """How many boards the core works on while the policy answers, in each improvement step."""
    counts = []
    hook = policy.core.register_forward_hook(lambda core, args, out: counts.append(len(args[1])))
    policy(*asked)
    hook.remove()
    return counts


@pytest.mark.parametrize("name", CONFIGS)
def test_every_row_is_answered_and_learns_as_if_it_were_alone(name):
    policy, gradients = new_policy(name), []
    asked = observe(policy)
    together, alone = policy(*asked)[0], one_by_one(policy, *asked)
    assert together.logits.shape == (getattr(policy, "k_steps", 1), B, policy.n_actions)
    assert_same(together, alone)
    with torch.no_grad():
        assert_same(policy(*asked)[0], alone)
    for out in (together, alone):
        policy.zero_grad()
        (out.logits.square().sum() + out.values.square().sum()).backward()
        gradients.append({n: p.grad.clone() for n, p in policy.named_parameters()})
    for parameter, gradient in gradients[1].items():
        size = float(gradient.abs().max())
        assert size > 0 or parameter == "gru.weight_hh", parameter  # there is no memory yet
        torch.testing.assert_close(gradients[0][parameter], gradient, rtol=0, atol=1e-5 * size)


@pytest.mark.parametrize("gradient", [True, False])
@pytest.mark.parametrize("name", FRESH)
def test_each_different_board_is_thought_about_once(name, gradient):
    policy = new_policy(name)
    observations, previous = observe(policy)
    if policy.config.marker is None:
        expected = B  # every action changes such a board: looking for equals is not worth it
    else:
        boards = observations[:, [0, 2]].flatten(1)
        if policy.config.previous_action:
            boards = torch.cat([boards, previous[:, None]], dim=1)
        expected = len(torch.unique(boards, dim=0))
        assert expected < B
    with torch.set_grad_enabled(gradient):
        assert boards_thought_about(policy, observations, previous) == [expected] * 2


@pytest.mark.parametrize("name", FRESH)
@torch.no_grad()
def test_what_is_known_from_the_step_before_is_right(name):
    """Some boards change, all markers move: as if asked afresh, with only the new thought about."""
    policy = new_policy(name)
    observations, previous = observe(policy)
    _, memory = policy(observations, previous)
    kept = memory["answers"].clone()
    other, moved = observe(policy, seed=5)
    other[:7] = observations[:7]
    other[0, -1, 2, 2] = 1 - other[0, -1, 2, 2]
    if policy.config.marker is not None:
        other = mark(other[:, [0, 2]], torch.arange(B) % 9)
    moved = moved if policy.config.previous_action else previous
    changed = (other[:, [0, -1]] != observations[:, [0, -1]]).flatten(1).any(1)
    if policy.config.previous_action:
        changed |= moved != previous
    assert 0 < changed.sum() < B
    asked = (other, moved, memory)
    assert boards_thought_about(policy, *asked) == [int(changed.sum())] * 2
    out, after = policy(*asked)
    assert_same(out, policy(other, moved, None)[0])
    assert torch.equal(memory["answers"], kept)  # the old memory can still be used
    assert_same(policy(observations, previous, after)[0], policy(observations, previous, None)[0])
    assert boards_thought_about(policy, other, moved, after) == []


@pytest.mark.parametrize("name", CONFIGS)
def test_unroll_is_stepping_by_hand(name):
    policy = new_policy(name)
    steps = [observe(policy, seed) for seed in range(5)]
    observations = torch.stack([o for o, _ in steps])
    previous = torch.stack([p for _, p in steps])
    previous[0, 2:] = 0  # goes on from before
    _, before = policy(*observe(policy, seed=9), None)
    memory, logits, values = before, [], []
    for now, last in zip(observations, previous, strict=True):
        out, memory = policy(now, last, memory)
        logits.append(out.logits)
        values.append(out.values)
    unrolled = policy.unroll(observations, previous, before)
    assert_same(unrolled, type(unrolled)(torch.stack(logits, 1), torch.stack(values, 1)))
    afresh = policy.unroll(observations, previous, None)
    assert torch.allclose(afresh.logits, unrolled.logits) is not policy.remembers


@pytest.mark.parametrize("name", CONFIGS)
def test_only_those_that_say_so_remember_and_all_forget_where_an_episode_begins(name):
    policy = new_policy(name)
    _, memory = policy(*observe(policy, seed=1))
    observations, previous = observe(policy)
    begins = previous == policy.n_actions
    assert 0 < begins.sum() < B
    with_memory, _ = policy(observations, previous, memory)
    afresh, _ = policy(observations, previous, None)
    for answer in ("logits", "values"):
        ours, fresh = getattr(with_memory, answer), getattr(afresh, answer)
        torch.testing.assert_close(ours[:, begins], fresh[:, begins])
        same = torch.isclose(ours, fresh).view(*ours.shape[:2], -1).all(-1)
        assert same[:, ~begins].any() != policy.remembers
    assert policy.remembers == (name in REMEMBERS)
    some = torch.tensor([7, 0, 3])  # and the memory of some is theirs
    out, _ = policy(observations[some], previous[some], policy.rows(memory, some))
    torch.testing.assert_close(out.logits, with_memory.logits[:, some])


@pytest.mark.parametrize("name", [n for n in ON_BOARDS if "every cell" not in n])
def test_the_marker_says_where_to_read_and_the_core_does_not_see_it(name):
    policy = new_policy(name)
    observations, _ = observe(policy)
    begun = torch.full((B,), policy.n_actions)
    answers = policy.answers(observations)
    assert answers.shape == (2, B, SIDE**2, 5)
    for cell in (0, 4, 8):
        moved = mark(observations[:, [0, 2]], torch.full((B,), cell))
        assert torch.equal(policy.answers(moved), answers)
        out, _ = policy(moved, begun)
        torch.testing.assert_close(out.logits, answers[:, :, cell, :4])
        torch.testing.assert_close(out.values, answers[:, :, cell, 4])
    assert not torch.allclose(answers[:, :, 0], answers[:, :, 8])


@pytest.mark.parametrize("name", [n for n in ON_BOARDS if "every cell" in n])
def test_without_a_marker_each_cell_has_its_actions_and_the_value_is_their_mean(name):
    policy = new_policy(name)
    observations, _ = observe(policy)
    out, _ = policy(observations, torch.full((B,), policy.n_actions))
    answers = policy.answers(observations)
    for cell in range(SIDE**2):
        for digit in range(2):
            torch.testing.assert_close(
                out.logits[..., 2 * cell + digit], answers[:, :, cell, digit]
            )
    torch.testing.assert_close(out.values, answers[..., 2].sum(-1) / SIDE**2)


def test_tokens_are_what_the_channels_write_in_binary():
    """A core without mixing answers each cell by its token alone."""
    config = BoardPolicyConfig(core=replace(FEED_FORWARD, mixing="none"), **MARKED)
    policy = BoardPolicy(config)
    observations = torch.zeros(1, 3, SIDE, SIDE)
    observations[0, 0, 0], observations[0, 2, :, 0] = 1, 1  # tokens 3 1 1 / 2 0 0 / 2 0 0
    observations[0, MARKER, 1, 1] = 1
    tokens = torch.tensor([[[3, 1, 1], [2, 0, 0], [2, 0, 0]]])
    _, out = policy.core(None, tokens)
    torch.testing.assert_close(policy.answers(observations)[0], out.logits.flatten(1, 2))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_previous_action_counts_where_it_shall_and_nowhere_else(name):
    policy = new_policy(name)
    observations, _ = observe(policy)
    outs = [
        policy(observations, torch.full((B,), a))[0].logits for a in range(policy.n_actions + 1)
    ]
    counts = getattr(policy.config, "previous_action", False)
    for a in range(policy.n_actions):
        assert torch.allclose(outs[a], outs[a + 1]) is not counts, a


@pytest.mark.parametrize("name", ON_BOARDS)
def test_more_steps_leave_the_first_answers_as_they_are(name):
    policy = new_policy(name)
    asked = observe(policy)
    policy.k_steps = 4
    four, memory = policy(*asked)
    for k in (1, 3):
        policy.k_steps = k
        out, _ = policy(*asked, memory if name in FRESH else None)  # of another depth: not used
        assert out.logits.shape[0] == k
        torch.testing.assert_close(out.logits, four.logits[:k])
        torch.testing.assert_close(out.values, four.values[:k])
    same = torch.allclose(four.logits[0], four.logits[3], atol=1e-4)
    assert same is ("feed-forward" in name)


@pytest.mark.parametrize("name", ["trm, over time", "hierarchical, over time"])
def test_two_steps_twice_on_a_board_that_stays_are_four(name):
    policy = new_policy(name)
    observations, _ = observe(policy)
    begun = torch.full((B,), policy.n_actions)
    first, memory = policy(observations, begun)
    second, _ = policy(observations, torch.zeros_like(begun), memory)
    policy.k_steps = 4
    four, _ = policy(observations, begun)
    torch.testing.assert_close(torch.cat([first.logits, second.logits]), four.logits)
    torch.testing.assert_close(torch.cat([first.values, second.values]), four.values)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_seed_fixes_the_policy_which_tries_everything_about_equally_often(name):
    before = torch.get_rng_state()
    policy, again, other = (untrained(name, seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    for part, tensor in policy.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[part]), part
        drawn = not (name in ("mlp", "gru") and "bias" in part and "gru" not in part)  # others: 0
        assert torch.equal(tensor, other.state_dict()[part]) is not drawn, part
    out, _ = policy(*observe(policy))
    uniform = torch.full_like(out.logits, 1 / policy.n_actions)
    torch.testing.assert_close(out.logits.softmax(-1), uniform, rtol=0.2, atol=0)


# --- refused

EMPTY = torch.zeros(2, 3, SIDE, SIDE)
MANY = EMPTY.clone()
MANY[:, MARKER, 0] = 1


@pytest.mark.parametrize(
    ("name", "observations", "message"),
    [
        ("trm", EMPTY.flatten(1), r"\(C, rows, columns\).*shape \(27,\).*observation='channels'"),
        ("trm", EMPTY + 0.5, "expected channels of zeros and ones"),
        ("trm", EMPTY, r"one marked cell in channel 1, got \[0.0, 0.0\]"),
        ("trm", MANY, r"one marked cell in channel 1, got \[3.0, 3.0\]"),
        ("mlp", EMPTY[:, :2], r"expected 27 numbers each.* got shape \(2, 2, 3, 3\)"),
    ],
)
def test_observations_that_cannot_be_read_are_refused(name, observations, message):
    with pytest.raises(ValueError, match=message):
        new_policy(name)(observations, torch.tensor([4, 4]))


STATELESS = replace(HIERARCHICAL, carry=False)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("trm", {"core": replace(TRM, n_answers=4)}, r"n_answers=5, 4 actions over 1 cell.* got 4"),
        ("trm", {"core": replace(TRM, halting=True)}, "core expected neither halting nor puzzle"),
        ("trm", {"core": replace(TRM, puzzle_tokens=1)}, "core expected neither halting nor puzz"),
        ("trm", {"core": "trm"}, "core expected the config of a board network, got .trm."),
        ("trm", {"marker": None}, r"n_answers=1, 4 actions over 9 cell\(s\) and a value, got 5"),
        ("trm", {"marker": -1}, "marker expected a whole number >= 0, got -1"),
        ("trm", {"k_steps": 0}, "k_steps expected a whole number >= 1, got 0"),
        ("trm", {"carry_over_time": 1}, "carry_over_time expected True or False, got 1"),
        ("trm, previous", {"core": STATELESS}, "previous_action expected a core that carries a th"),
        ("trm, over time", {"core": FEED_FORWARD}, "carry_over_time expected a core that carries"),
        ("mlp", {"hidden": ()}, r"hidden expected sizes, such as \(64, 64\), got \(\)"),
        ("mlp", {"hidden": (8, 0)}, "hidden: every size expected a whole number >= 1, got 0"),
        ("mlp", {"n_actions": 2.5}, "n_actions expected a whole number >= 1, got 2.5"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(name, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIGS[name], **changes)
