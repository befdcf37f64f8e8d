"""What the four roles may do with proposals, changes, reviews and the archive."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPS = ("mediabuys", "tasks_hitl")
VIEW = [
    f"mediabuys.view_{model}"
    for model in (
        "proposal",
        "proposalallocation",
        "proposalevent",
        "mediabuychange",
        "creativereview",
        "deliverysnapshot",
        "reportingwebhook",
        "artifactwebhook",
    )
]
# Selling: staff shape what is offered, and put away what is over.
SELL = [
    "mediabuys.change_proposal",
    "mediabuys.change_proposalallocation",
    "mediabuys.change_mediabuy",
]
END = ["mediabuys.end_mediabuy"]
DIRECT = ["mediabuys.change_accountaccess"]
ROLES = {
    "viewer": VIEW,
    "rep": VIEW + SELL,
    "approver": VIEW + SELL + END,
    "director": VIEW + SELL + END + DIRECT,
}


def make_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for label in APPS:
        # Django makes permissions only after all migrations; these groups need them now.
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, verbosity=0, apps=apps, using=schema_editor.connection.alias)
        config.models_module = None
    permissions = {
        f"{row.content_type.app_label}.{row.codename}": row
        for row in apps.get_model("auth", "Permission").objects.select_related("content_type")
    }
    for name, wanted in ROLES.items():
        group = apps.get_model("auth", "Group").objects.get(name=name)
        group.permissions.add(*(permissions[code] for code in wanted))


class Migration(migrations.Migration):
    dependencies = [
        ("tasks_hitl", "0003_changes"),
        ("mediabuys", "0002_proposals_changes_reports"),
    ]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
