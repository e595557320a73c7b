"""The command line: solve a puzzle, and run, report and verify the book's experiments.

python -m trm_lib solve "1...|..3.|.4..|...2"
python -m trm_lib solve maze.txt
python -m trm_lib solve sudoku.txt --model step_1000 --config arch.yaml
python -m trm_lib list
python -m trm_lib run basic_trm --seeds 10
python -m trm_lib report basic_trm --figure seeds.svg
python -m trm_lib verify paper_trm/pseudocode
python -m trm_lib debug rl_adaptation/script_vector_1
python -m trm_lib export sudoku6 --to sudoku6.js
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trm_lib.models import BoardNet


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 done, 1 a claim failed, 2 unusable input, 130 interrupted.
    """
    args = _parser().parse_args(arguments)
    try:
        status = args.command(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever reads, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        print(f"trm_lib: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("trm_lib: stopped. What is done is kept; run it again to go on", file=sys.stderr)
        return 130


def _solve(args: argparse.Namespace) -> int:
    from trm_lib.puzzles import sudoku_text
    from trm_lib.solving import SolvedSudoku, solve

    puzzle = sys.stdin.buffer.read() if args.puzzle == "-" else args.puzzle
    solved = solve(puzzle, args.k, _model(args), args.starts)
    if isinstance(solved, SolvedSudoku):
        for k, step in enumerate(solved.steps[: solved.k], start=1):
            print(f"K = {k:<3} {sudoku_text(step)}")
        print(solved)
        return int(not solved.is_right)
    print(solved)
    marked = solved.steps.sum((1, 2))
    shown = [1 << i for i in range(solved.k.bit_length()) if 1 << i < solved.k]  # 1, 2, 4, 8, ...
    print(f"cells marked: {', '.join(f'{marked[k - 1]} at K = {k}' for k in [*shown, solved.k])}")
    return int(not solved.is_shortest)


def _model(args: argparse.Namespace) -> BoardNet | None:
    """The model of `--model`, the library's own or an official one; None for the shipped one."""
    from trm_lib.models import load_model, load_official

    if args.model is None:
        if args.config is not None:
            raise ValueError("--config is for --model, a checkpoint of the official code")
        return None
    config = args.config or args.model.parent / "all_config.yaml"  # where the official code puts it
    if args.config is None and args.model.suffix == ".safetensors" and not config.is_file():
        return load_model(args.model)
    if not config.is_file():
        raise ValueError(
            f"expected the settings of the official checkpoint, for example its all_config.yaml, "
            f"found no file {config}: name it with --config"
        )
    return load_official(config, args.model)


def _list(args: argparse.Namespace) -> int:
    """Seeds and seconds are blank where no result of the recipe as it is now is stored."""
    from trm_lib.experiments import find_recipes, load_result

    recipes = find_recipes(folder=args.recipes)
    width = max(len(recipe.name) for recipe in recipes)
    print(f"{'recipe':<{width}}  seeds  s/seed  about")
    for recipe in recipes:
        seeds = seconds = ""
        with suppress(FileNotFoundError):
            result = load_result(recipe.name, args.results)
            if not recipe.differences(result.config):
                seeds, seconds = len(result.seeds), f"{statistics.median(result.seconds()):.0f}"
        print(f"{recipe.name:<{width}} {seeds:>6} {seconds:>7}  {recipe.about}")
    return 0


def _run(args: argparse.Namespace) -> int:
    from trm_lib.checks import whole
    from trm_lib.experiments import find_recipes, report, run_recipe

    seeds = range(whole(args.seeds, "--seeds", 1))
    given = seeds, args.results, args.recipes, args.jobs
    recipes = find_recipes(args.name, args.recipes)
    print(report([run_recipe(recipe.name, *given) for recipe in recipes]))
    return 0


def _report(args: argparse.Namespace) -> int:
    from trm_lib.experiments import draw, find_recipes, recorded, report

    results = [recorded(recipe, args.results) for recipe in find_recipes(args.name, args.recipes)]
    table = report(results)
    if args.figure:
        draw(results).save(args.figure)
    print(table)
    return 0


def _verify(args: argparse.Namespace) -> int:
    from trm_lib.experiments import find_recipes, recorded, verify

    failed = False
    for recipe in find_recipes(args.name, args.recipes):
        result = recorded(recipe, args.results)
        differences = verify(recipe, result, args.seed, args.tolerance)
        for said in differences or ["every number as stored"]:
            print(f"{recipe.name}, seed {args.seed}: {said}")
        if differences:
            made = result.seeds[args.seed]["provenance"]
            print(
                f"It was recorded at commit {made['commit']} with torch {made['torch']} on "
                f"{made['machine']}. Other code, libraries or hardware round differently, and "
                f"training enlarges that: check out the commit, or allow for it with --tolerance."
            )
            failed = True
    return int(failed)


def _debug(args: argparse.Namespace) -> int:
    from trm_lib.diagnostics import page
    from trm_lib.experiments import find_recipe

    findings = find_recipe(args.name, args.recipes).task.diagnose(args.seed)
    print(page(findings))
    return int(any(not finding.healthy for finding in findings))


def _export(args: argparse.Namespace) -> int:
    from trm_lib.export import export

    export(args.name, args.to)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trm_lib", description="Tiny Recursive Models: solve, run, report, verify."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    among, named, kept, seeded = (argparse.ArgumentParser(add_help=False) for _ in range(4))
    among.add_argument("--recipes", type=Path, help="folder of the recipes (the book's)")
    named.add_argument("name", help="a recipe, or an experiment for all its recipes")
    kept.add_argument("--results", type=Path, help="folder of the results (the book's)")
    seeded.add_argument("--seed", type=int, default=0, help="which seed (0)")

    solve = commands.add_parser("solve", help="let a shipped model solve a Sudoku or a maze")
    solve.set_defaults(command=_solve)
    solve.add_argument(
        "puzzle",
        help='a Sudoku, for example "1...|..3.|.4..|...2", or a maze drawn with + - | or with #, '
        "S its start and G its goal; the name of a text or PNG file with one; or - for standard "
        "input; write -- before one that begins with a dash. The shipped models solve "
        "Sudoku of 4x4, 6x6 and 9x9, and mazes of any size",
    )
    solve.add_argument("--model", type=Path, help="a weight file: ours, or an official checkpoint")
    official = "settings of an official checkpoint, in YAML (all_config.yaml beside it)"
    solve.add_argument("--config", type=Path, help=official)
    most = "improvement steps at most (16; from 9x9 on 64; for a maze, as many as it has cells)"
    solve.add_argument("--k", type=int, help=most)
    again = "how often to begin to think about a Sudoku, at most (1; from 9x9 on 16)"
    solve.add_argument("--starts", type=int, help=again)

    says = "name every recipe, with the seconds a seed takes"
    listing = commands.add_parser("list", help=says, parents=[among, kept])
    listing.set_defaults(command=_list)

    says = "run a recipe, or all of an experiment, over seeds"
    run = commands.add_parser("run", help=says, parents=[named, among])
    run.set_defaults(command=_run)
    run.add_argument("--seeds", type=int, default=10, help="seeds 0 to N - 1 (10)")
    run.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    run.add_argument("--results", default="results", help="folder of the results (results)")

    says = "print the table of a result"
    reporting = commands.add_parser("report", help=says, parents=[named, among, kept])
    reporting.set_defaults(command=_report)
    drawn = "draw every seed as a dot into this .svg, .png or .pdf"
    reporting.add_argument("--figure", metavar="FILE", help=drawn)

    says = "repeat one seed and compare every number"
    verifying = commands.add_parser("verify", help=says, parents=[named, among, kept, seeded])
    verifying.set_defaults(command=_verify)
    allowed = "largest difference allowed; 0, the default, suits the machine that made the result"
    verifying.add_argument("--tolerance", type=float, default=0.0, help=allowed)

    says = "train one seed of a recipe, and say by measurement what is wrong with it"
    debugging = commands.add_parser("debug", help=says, parents=[named, among, seeded])
    debugging.set_defaults(command=_debug)

    says = "write a network for a page that thinks in the browser"
    exporting = commands.add_parser("export", help=says)
    exporting.set_defaults(command=_export)
    exporting.add_argument("name", help="a shipped model, for example sudoku6, or a weight file")
    exporting.add_argument("--to", type=Path, required=True, metavar="FILE", help=".js or .json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
