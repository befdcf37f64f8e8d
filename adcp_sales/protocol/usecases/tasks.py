"""get_task_status (also tasks_get) and list_tasks."""

from typing import Any

from adcp_sales.protocol.cursors import cursor_decode, cursor_encode, page_size
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.registry import Call, Reply, TaskSpec
from mediabuys.errors import AccountNotFound
from mediabuys.models.accounts import Account
from mediabuys.selectors.accounts import account_for
from tasks_hitl.listing import TaskPage, tasks_page
from tasks_hitl.models import Task
from tasks_hitl.polling import task_polled
from tasks_hitl.states import OPEN_TASK_STATUSES, TaskStatus
from tasks_hitl.wire import PROTOCOL, poll_seconds, task_body, task_row

# The user's own name for the poll: it brings the result unless told not to.
NAME_WITH_RESULT = "tasks_get"


def get_task_status(call: Call) -> Reply:
    """Tell where one of the caller's tasks stands; one query unless an account is named."""
    polled = task_polled(principal=call.require_principal(), task_id=call.params["task_id"])
    if polled is None or not _is_on_named_account(call, polled.task):
        raise AdcpError(
            "REFERENCE_NOT_FOUND",
            "No such task.",
            field="task_id",
            suggestion="Check the task_id against list_tasks.",
        )
    task = polled.task
    include_result = call.params.get("include_result", call.called_as == NAME_WITH_RESULT)
    body = task_body(task, booking=polled.booking, include_result=include_result)
    if "result" in body:
        body["result"] = {"status": TaskStatus.COMPLETED, **body["result"]}
    if call.params.get("include_history"):
        body["history"] = _history(task)
    return Reply(body, status=task.status, retry_after=_retry_after(call, task))


def _is_on_named_account(call: Call, task: Task) -> bool:
    reference = call.params.get("account")
    if reference is None:
        return True
    try:
        account = account_for(principal=call.require_principal(), ref=reference)
    except AccountNotFound:
        return False
    return account.pk == task.account_id


def _history(task: Task) -> list[dict[str, Any]]:
    entries = [{"timestamp": task.created_at, "type": "request", "data": task.request}]
    answer = task.result or task.error
    if answer:
        answered_at = task.completed_at or task.updated_at
        entries.append({"timestamp": answered_at, "type": "response", "data": answer})
    return entries


def _retry_after(call: Call, task: Task) -> int | None:
    if task.status not in OPEN_TASK_STATUSES:
        return None
    age = (call.now - task.updated_at).total_seconds()
    return poll_seconds(waits_for_person=task.status != TaskStatus.WORKING, age_seconds=age)


def list_tasks(call: Call) -> Reply:
    """List the caller's tasks, newest first unless told otherwise."""
    params = call.params
    filters, sort = params.get("filters") or {}, params.get("sort") or {}
    field, direction = sort.get("field", "created_at"), sort.get("direction", "desc")
    try:
        account = _named_account(call)
    except AccountNotFound:
        page = TaskPage([], has_more=False, statuses={}, position=[])
    else:
        page = tasks_page(
            principal=call.require_principal(),
            account=account,
            filters=filters,
            sort_field=field,
            descending=direction == "desc",
            after=cursor_decode(call),
            limit=page_size(params),
        )
    pagination: dict[str, Any] = {"has_more": page.has_more, "total_count": page.total}
    if page.has_more:
        pagination["cursor"] = cursor_encode(call, page.position)
    summary = _summary(page, sorted(filters), {"field": field, "direction": direction})
    rows = [task_row(task) for task in page.tasks]
    return Reply({"query_summary": summary, "tasks": rows, "pagination": pagination})


def _named_account(call: Call) -> Account | None:
    reference = call.params.get("account")
    if reference is None:
        return None
    return account_for(principal=call.require_principal(), ref=reference)


def _summary(page: TaskPage, filters: list[str], sort: dict[str, str]) -> dict[str, Any]:
    return {
        "total_matching": page.total,
        "returned": len(page.tasks),
        "domain_breakdown": {PROTOCOL: page.total},
        "status_breakdown": page.statuses,
        "filters_applied": filters,
        "sort_applied": sort,
    }


TASKS = [
    TaskSpec(
        name="get_task_status",
        run=get_task_status,
        access="read",
        schema="get_task_status",
        summary="Where a task stands, and its result",
        aliases=(NAME_WITH_RESULT,),
        example={"task_id": "task_8f3c1a90", "include_result": True},
    ),
    TaskSpec(
        name="list_tasks",
        run=list_tasks,
        access="read",
        schema="list_tasks",
        summary="The agent's own tasks",
        example={"filters": {"statuses": ["submitted", "working"]}},
    ),
]
