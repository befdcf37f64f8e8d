"""What the four roles may see and do of the ad server: its inventory, what it is told and tells."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPS = ("mediabuys", "tasks_hitl")
VIEW = [
    f"mediabuys.view_{model}"
    for model in (
        "trafficking",
        "adserverfeed",
        "inventoryday",
        "straydelivery",
        "deliveryrow",
        "deliveryrevision",
    )
]
# Trying again what the ad server did not take.
RETRY = ["mediabuys.change_trafficking"]
ROLES = {
    "viewer": VIEW,
    "rep": VIEW,
    "approver": VIEW + RETRY,
    "director": VIEW + RETRY,
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
        ("tasks_hitl", "0004_roles_of_changes"),
        ("mediabuys", "0003_ad_server"),
    ]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
