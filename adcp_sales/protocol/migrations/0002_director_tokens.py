"""Directors issue and revoke the tokens of buyers' agents."""

from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

CODENAMES = ("view_apitoken", "add_apitoken", "change_apitoken")


def give_tokens(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    # Django makes permissions only after all migrations; the group needs them now.
    config = apps.get_app_config("protocol")
    config.models_module = True
    create_permissions(config, verbosity=0, apps=apps, using=schema_editor.connection.alias)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="protocol", codename__in=CODENAMES
    )
    apps.get_model("auth", "Group").objects.get(name="director").permissions.add(*permissions)


class Migration(migrations.Migration):
    dependencies = [
        ("protocol", "0001_initial"),
        ("tasks_hitl", "0002_roles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(give_tokens, migrations.RunPython.noop)]
