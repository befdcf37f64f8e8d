"""The embedded broker's SQL, as our migrations install it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections

TRIGGERS = """
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'pgmq.q_meeting'::regclass
AND tgname = 'trigger_notify_queue_insert_listeners'
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.races
def test_processes_that_start_at_once_do_not_meet_in_ddl() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pgmq.create('meeting')")
    barrier = Barrier(8)

    def start() -> int:
        barrier.wait()
        with connection.cursor() as cursor:
            for _ in range(10):
                cursor.execute("SELECT pgmq.enable_notify_insert('meeting', 0)")
                cursor.execute("SELECT pgmq.send('meeting', '{}')")
        connections.close_all()
        return 10

    with ThreadPoolExecutor(8) as pool:
        sent = sum(future.result() for future in [pool.submit(start) for _ in range(8)])

    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM pgmq.q_meeting")
        assert cursor.fetchone() == (sent,)
        cursor.execute("SELECT pgmq.drop_queue('meeting')")
