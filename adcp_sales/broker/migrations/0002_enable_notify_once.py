"""Lets every worker and publisher ask for notifications without touching the queue's table.

The packaged function drops and makes its trigger at each call, and kombu calls it whenever a
process first names a queue: two processes that start at once then meet in DDL on one table, and
one of them dies with an error. Ours does the work once, under a lock, and then only looks.
"""

from django.db import migrations

ONCE = """
CREATE OR REPLACE FUNCTION pgmq.enable_notify_insert(
    queue_name TEXT, throttle_interval_ms INTEGER DEFAULT 250
) RETURNS void AS $body$
DECLARE
    qtable TEXT := pgmq.format_table_name(queue_name, 'q');
    v_queue_name TEXT := queue_name;
    v_interval INTEGER := throttle_interval_ms;
BEGIN
    IF v_interval < 0 THEN
        RAISE EXCEPTION 'throttle_interval_ms must be non-negative';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('pgmq.enable_notify_insert', 0));
    INSERT INTO pgmq.notify_insert_throttle (queue_name, throttle_interval_ms)
    VALUES (v_queue_name, v_interval)
    ON CONFLICT ON CONSTRAINT notify_insert_throttle_queue_name_key DO UPDATE
        SET throttle_interval_ms = EXCLUDED.throttle_interval_ms
        WHERE pgmq.notify_insert_throttle.throttle_interval_ms <> EXCLUDED.throttle_interval_ms;
    IF EXISTS (
        SELECT FROM pg_trigger
        WHERE tgrelid = format('pgmq.%I', qtable)::regclass
          AND tgname = 'trigger_notify_queue_insert_listeners'
    ) THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE CONSTRAINT TRIGGER trigger_notify_queue_insert_listeners '
        'AFTER INSERT ON pgmq.%I DEFERRABLE FOR EACH ROW '
        'EXECUTE PROCEDURE pgmq.notify_queue_listeners()',
        qtable
    );
END;
$body$ LANGUAGE plpgsql;
"""


def replace(_apps, schema_editor):
    """Replace our own installation's function; an operator's extension is left alone."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pgmq')")
        (is_extension,) = cursor.fetchone()
        if not is_extension:
            cursor.execute(ONCE)


class Migration(migrations.Migration):
    dependencies = [("broker", "0001_install_pgmq")]
    operations = [migrations.RunPython(replace, migrations.RunPython.noop)]
