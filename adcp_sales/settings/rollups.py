"""Which status speaks for many: the tables of the rollups, most restrictive first."""

from adcp_sales.settings import env

ROLLUP_PRECEDENCE = {
    "interchange": env.words(
        "INTERCHANGE_PRECEDENCE",
        "FAILED,REJECTED,INPUT_REQUIRED,PENDING_APPROVAL,DRAFT,PAUSED,ACTIVE,COMPLETED,CANCELED,"
        "ARCHIVED",
    ),
    "operational_status": env.words(
        "OPERATIONAL_STATUS_PRECEDENCE",
        "attention_required,active,paused,pending_creatives,pending_start,draft,completed,"
        "no_media_buys",
    ),
}
# For so long a failed order or a rejected buy asks for attention on its account.
ROLLUP_ATTENTION_DAYS = int(env.text("ROLLUP_ATTENTION_DAYS", "7"))
