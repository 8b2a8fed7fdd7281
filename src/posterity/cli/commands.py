"""All commands. Each parses, calls the API once or twice, and prints; what they need is imported when they run."""

from __future__ import annotations

import click

from posterity.cli.encoders import encoder_commands
from posterity.cli.experiments import experiment_commands
from posterity.cli.exporting import export
from posterity.cli.ingest import ingest_commands
from posterity.cli.layouts import layout_commands
from posterity.cli.manage import manage_commands
from posterity.cli.page import page_commands
from posterity.cli.search import search_commands
from posterity.cli.splits import split_commands
from posterity.cli.training import training_commands

commands: list[click.Command] = [
    *encoder_commands,
    *experiment_commands,
    export,
    *ingest_commands,
    *layout_commands,
    *manage_commands,
    *page_commands,
    *search_commands,
    *split_commands,
    *training_commands,
]
