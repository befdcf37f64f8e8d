"""Installs the SQL of the embedded broker, which ships in the `pgmq` package."""

from django.db import migrations
from pgmq.install import get_embedded_install_sql


def install(_apps, schema_editor):
    """Install it once; an operator's own installation (or extension) is left alone."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pgmq.meta') IS NOT NULL")
        (is_installed,) = cursor.fetchone()
        if not is_installed:
            cursor.execute(get_embedded_install_sql())


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
