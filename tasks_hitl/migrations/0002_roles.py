"""The four roles of the desk, as groups."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPS = ("mediabuys", "tasks_hitl", "webhooks", "django_celery_beat")
VIEW = (
    [
        f"mediabuys.view_{model}"
        for model in (
            "publisher",
            "property",
            "product",
            "pricingoption",
            "creativeformat",
            "principal",
            "account",
            "accountaccess",
            "mediabuy",
            "package",
            "creative",
            "creativeassignment",
            "booking",
            "event",
        )
    ]
    + [
        f"tasks_hitl.view_{model}"
        for model in ("task", "decision", "approval", "taskevent", "ruleversion")
    ]
    + [f"webhooks.view_{model}" for model in ("destination", "delivery", "attempt")]
    + [
        f"django_celery_beat.view_{model}"
        for model in ("periodictask", "crontabschedule", "intervalschedule")
    ]
)
REVIEW = ["mediabuys.change_creative"]
DECIDE = ["tasks_hitl.decide_task", "mediabuys.change_booking"]
DIRECT = [
    "mediabuys.change_publisher",
    "mediabuys.change_account",
    "mediabuys.change_principal",
    "mediabuys.add_principal",
    "tasks_hitl.add_ruleversion",
    "tasks_hitl.change_ruleversion",
    "django_celery_beat.change_periodictask",
] + [
    f"mediabuys.{verb}_{model}"
    for verb in ("add", "change")
    for model in ("property", "product", "pricingoption", "creativeformat")
]
ROLES = {
    "viewer": VIEW,
    "rep": VIEW + REVIEW,
    "approver": VIEW + REVIEW + DECIDE,
    "director": VIEW + REVIEW + DECIDE + DIRECT,
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
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(*(permissions[code] for code in wanted))


class Migration(migrations.Migration):
    dependencies = [
        ("tasks_hitl", "0001_initial"),
        ("mediabuys", "0001_initial"),
        ("webhooks", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
