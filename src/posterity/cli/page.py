"""The commands of the page: serving it, and writing it as files."""

from __future__ import annotations

import sys
from urllib.parse import urlencode

import click

from posterity.cli.exporting import export
from posterity.cli.options import as_json, bars, catalogue_first, quiet
from posterity.cli.output import say, say_json


@click.command()
@catalogue_first
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option(
    "--token", metavar="TEXT", help="Token that visitors need; generated if other machines can reach the server."
)
@click.option("--no-clinic", is_flag=True, help="Accept no uploaded posters.")
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@as_json
@quiet
def serve(
    folder: str, port: int, host: str, token: str | None, no_clinic: bool, open_: bool, as_json: bool, quiet: bool
) -> None:
    """Serve a catalogue as a web page, to browse, search and compare; stop it with Ctrl-C.

    Only this machine can reach it. With --host, others can too; they need the token in the printed address.

    \b
    Examples:
      posterity serve films
      posterity serve films --port 0 --open
      posterity serve films --host 0.0.0.0 --no-clinic
    """
    import posterity
    from posterity.web.serving import end_now, is_loopback, serve

    cat = posterity.open(folder)
    if not is_loopback(host):
        click.echo(
            f"posterity: warning: everyone who can reach {host} and knows the token can see {folder}; the connection "
            "is not encrypted. Put a web server with TLS in front of it where that matters.",
            err=True,
        )

    def ready(address: str, token: str | None) -> None:
        whole = address + (f"?{urlencode({'token': token})}" if token else "")
        if as_json:
            say_json({"address": address, "token": token, "posters": len(cat)})
        else:
            say(f"{len(cat):,} posters at {whole}")
            say("Stop it with Ctrl-C.")
        sys.stdout.flush()
        if open_:
            click.launch(whole)

    serve(cat, host=host, port=port, token=token, clinic=not no_clinic, ready=ready, show_progress=bars(quiet))
    end_now()


@export.command("site")
@catalogue_first
@click.option("--out", metavar="DIR", required=True, help="New or empty folder, or one that was exported before.")
@click.option("--full", is_flag=True, help="Copy the posters' own files too, not only their thumbnails.")
@click.option(
    "--neighbours",
    type=click.IntRange(0, 100),
    default=12,
    show_default=True,
    help="Number of similar posters per facet.",
)
@as_json
@quiet
def export_site(folder: str, out: str, full: bool, neighbours: int, as_json: bool, quiet: bool) -> None:
    """Write the page as files, for any web server, or to open in a browser directly.

    Everything on the served page works except the clinic; why two posters are alike is explained without regions.

    \b
    Examples:
      posterity export films --out site
      posterity export films --out site --full --neighbours 24
    """
    import posterity
    from posterity.web.site import export_site

    made = export_site(posterity.open(folder), out, full=full, neighbours=neighbours, show_progress=bars(quiet))
    if as_json:
        say_json(made)
        return
    say(f"{made.posters:,} posters, {made.files:,} files, {made.bytes / 1e6:,.1f} MB in {made.folder}")
    say(f"Open {made.index} in a browser, or put the folder on a web server.")


page_commands = [serve]
