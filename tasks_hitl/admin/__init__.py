from tasks_hitl.admin import bookings, jobs, rules, staff, tasks

__all__ = ["bookings", "jobs", "rules", "staff", "tasks"]
