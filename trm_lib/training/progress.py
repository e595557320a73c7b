"""A progress bar that looks right in a terminal, in JupyterLab and in Colab."""

from __future__ import annotations

import os

from tqdm.auto import tqdm


def progress_bar(
    steps: int, description: str, unit: str, shown: bool = True, done: int = 0
) -> tqdm:
    """Count to `steps`, showing how far it is.

    Args:
        steps: how many there are.
        description: what is going on.
        unit: what a step is.
        shown: False for silence. The environment variable TQDM_DISABLE=1 silences every bar; in a
            notebook tqdm alone would overlook it.
        done: how many of them are done already.
    """
    silenced = os.environ.get("TQDM_DISABLE", "0").lower() not in ("", "0", "false")
    return tqdm(
        range(done, steps),
        desc=description,
        unit=unit,
        total=steps,
        initial=done,
        disable=silenced or not shown,
    )
