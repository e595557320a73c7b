"""The command line: solve a puzzle, and run, report and verify the book's experiments.

python -m trm_lib solve "1...|..3.|.4..|...2"
python -m trm_lib list
python -m trm_lib run basic_trm --seeds 10
python -m trm_lib report basic_trm
python -m trm_lib verify basic_trm/same_block
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "book" / "results"


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 done, 1 a claim failed, 2 unusable input, 130 interrupted.
    """
    args = _parser().parse_args(arguments)
    try:
        return args.command(args)
    except (ValueError, OSError) as error:
        print(f"trm_lib: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("trm_lib: stopped. Finished seeds are kept; run it again to go on", file=sys.stderr)
        return 130


def _solve(args: argparse.Namespace) -> int:
    from trm_lib import solve
    from trm_lib.puzzles import sudoku_text

    solved = solve(args.puzzle, args.k)
    print(f"puzzle  {sudoku_text(solved.puzzle)}")
    for k, (step, right) in enumerate(zip(solved.steps, solved.right, strict=True), start=1):
        print(f"K = {k:<3} {sudoku_text(step)}  {'right' if right else ''}".rstrip())
        if right:
            break
    print(
        f"Proved right by the rules at K = {solved.k}."
        if solved.is_right
        else f"Wrong: no answer up to K = {solved.k} obeys the rules."
    )
    return 0 if solved.is_right else 1


def _list(args: argparse.Namespace) -> int:
    from trm_lib.experiments import RECIPES

    width = max(map(len, RECIPES))
    for recipe in RECIPES.values():
        print(f"{recipe.name:<{width}}  {recipe.about}")
    return 0


def _run(args: argparse.Namespace) -> int:
    from trm_lib.experiments import find_recipes, run_recipe

    for recipe in find_recipes(args.name):
        run_recipe(recipe, range(args.seeds), args.out, args.jobs)
    return _report(args)


def _report(args: argparse.Namespace) -> int:
    from trm_lib.experiments import find_recipes, load_result, report

    recipes = find_recipes(args.name)
    print(report([load_result(args.out, recipe.name) for recipe in recipes]))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from trm_lib.experiments import find_recipes, load_result, verify

    failed = False
    for recipe in find_recipes(args.name):
        result = load_result(args.out, recipe.name)
        differences = verify(recipe, result, args.seed, args.tolerance)
        for difference in differences:
            print(f"{recipe.name}, seed {args.seed}: {difference}")
        if not differences:
            print(f"{recipe.name}, seed {args.seed}: every number as stored")
        failed |= bool(differences)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trm_lib", description="Tiny Recursive Models: solve, run, report, verify."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    solve = commands.add_parser("solve", help="let the shipped model solve a Sudoku, step by step")
    solve.add_argument("puzzle", help='for example "1...|..3.|.4..|...2"')
    solve.add_argument("--k", type=_positive, default=16, help="improvement steps at most (16)")
    solve.set_defaults(command=_solve)

    listing = commands.add_parser("list", help="name every recipe")
    listing.set_defaults(command=_list)

    run = commands.add_parser("run", help="run a recipe, or all of an experiment, over seeds")
    run.add_argument("--seeds", type=_positive, default=10, help="seeds 0 to N - 1 (10)")
    run.add_argument("--jobs", type=_positive, default=2, help="processes at a time (2)")
    run.set_defaults(command=_run, out=Path("results"))

    reporting = commands.add_parser("report", help="print the table of a result")
    reporting.set_defaults(command=_report, out=RECORDED)

    verifying = commands.add_parser("verify", help="repeat one seed and compare every number")
    verifying.add_argument("--seed", type=int, default=0, help="which seed (0)")
    verifying.add_argument(
        "--tolerance", type=float, default=0.0,
        help="largest difference allowed; 0, the default, suits the machine that made the result",
    )  # fmt: skip
    verifying.set_defaults(command=_verify, out=RECORDED)

    for command in (run, reporting, verifying):
        command.add_argument("name", help="a recipe, or an experiment for all its recipes")
        command.add_argument(
            "--out", type=Path, default=command.get_default("out"), help="folder of the results"
        )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 1, got {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())
