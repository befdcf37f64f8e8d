from django.apps import AppConfig


class TasksHitlConfig(AppConfig):
    name = "tasks_hitl"
    verbose_name = "Approvals"
