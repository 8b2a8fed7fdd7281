"""The command line: a thin command for each call of :mod:`posterity.api.catalogue`.

Exit status: 0 on success; 1 for a user's error, reported in one line on standard error; 2 for wrong usage; 130 when
interrupted. With ``--json``, standard output carries one JSON object and nothing else.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

import click

from posterity.cli.commands import commands
from posterity.errors import PosterityError
from posterity.runtime.logs import begin


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="posterity", prog_name="posterity")
def posterity() -> None:
    """Turn a collection of movie posters into something you can search, see and learn from.

    \b
    Examples:
      posterity sample demo                        draw a few hundred posters to try things with
      posterity build demo/posters -c films --metadata demo/metadata.csv
      posterity similar -c films --id tt9900001 --out similar.png
      posterity wall -c films --out wall.png
    """


for command in commands:
    posterity.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    warnings.filterwarnings("ignore", module=r"PIL\.")  # what matters about a damaged file is in the report
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status."""
    try:
        begin()
        # An exit that a command asks for comes back as its status.
        status = posterity.main(arguments, prog_name="posterity", standalone_mode=False)
    except PosterityError as error:
        return _fail(str(error))
    except click.UsageError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted; what was committed is kept, and the same command continues from there", 130)
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    return status if isinstance(status, int) else 0


def _fail(message: str, status: int = 1) -> int:
    from posterity.cli.output import one_line

    click.echo(f"posterity: {one_line(message)}", err=True)
    return status
