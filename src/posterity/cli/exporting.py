"""``posterity export``: a catalogue for other programs; without a subcommand, its page is exported."""

from __future__ import annotations

import click


class _Export(click.Group):
    """A group whose arguments, unless they begin with one of its commands, are those of ``site``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            args = ["site", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # `posterity export --out site/ films` begins with a flag that does not belong to the group itself.
        if args and args[0].startswith("-") and args[0] not in ("-h", "--help"):
            args = ["site", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Export)
def export() -> None:
    """Export a catalogue for other programs, or its page for a web server (export DIR --out site).

    \b
    Examples:
      posterity export films --out site
      posterity export split -c films genres --out genres
    """
