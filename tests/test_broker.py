"""The embedded broker's SQL, as our migrations install it."""

import pytest
from django.db import connection

from tests.concurrency import together

TRIGGERS = """
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'pgmq.q_meeting'::regclass
AND tgname = 'trigger_notify_queue_insert_listeners'
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.races
def test_processes_that_start_at_once_do_not_meet_in_ddl() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgmq.create('meeting')")

    def start() -> int:
        with connection.cursor() as cursor:
            for _ in range(10):
                cursor.execute("SELECT pgmq.enable_notify_insert('meeting', 0)")
                cursor.execute("SELECT pgmq.send('meeting', '{}')")
        return 10

    sent = sum(together(*[start] * 8))

    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM pgmq.q_meeting")
        assert cursor.fetchone() == (sent,)
        cursor.execute("SELECT pgmq.drop_queue('meeting')")
