"""The commands of `cmmd-bench study`, in the order in which a study needs them."""

import typer

from cmmd_study.cli import analyse, create, export, host, power, run, simulate

app = typer.Typer(no_args_is_help=True, help="A blinded rating study, from samples to significance.")

app.command("create")(create.create)
app.command("add")(create.add)
app.command("power")(power.power)
app.command("freeze")(host.freeze)
app.command("invite")(host.invite)
app.command("preview")(run.preview)
app.command("serve")(run.serve)
app.command("simulate")(simulate.simulate)
app.command("status")(host.status)
app.command("close")(host.close)
app.command("backup")(host.backup)
app.command("withdraw")(host.withdraw)
app.command("exclude")(host.exclude)
app.command("export")(export.export)
app.command("analyse")(analyse.analyse)
app.command("import")(analyse.import_)
