"""What `./run` does once its virtual environment exists: processes, PostgreSQL, verbs.

Nothing here needs Django to be configured.
"""
