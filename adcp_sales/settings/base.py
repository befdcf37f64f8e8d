"""Every setting of the product; production and test only override values."""

from pathlib import Path

from celery.schedules import crontab

from adcp_sales.launcher import broker
from adcp_sales.settings import env
from adcp_sales.settings.desk import UNFOLD as UNFOLD
from adcp_sales.settings.rollups import ROLLUP_ATTENTION_DAYS as ROLLUP_ATTENTION_DAYS
from adcp_sales.settings.rollups import ROLLUP_PRECEDENCE as ROLLUP_PRECEDENCE

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = Path(env.text("ADCP_DATA_DIR", str(BASE_DIR / ".data")))

PRODUCTION = False
DEBUG = False
SECRET_KEY = env.text(
    "SECRET_KEY", "development-only-secret-key-that-production-refuses-to-start-with"
)
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")

ROOT_URLCONF = "adcp_sales.urls"
WSGI_APPLICATION = "adcp_sales.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    # Without unfold's own site: ours extends it (adcp_sales.admin_site).
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "adcp_sales.admin_site.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_celery_beat",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "webhooks",
    "mediabuys",
    "tasks_hitl",
    "adcp_sales.protocol",
    "adcp_sales.broker",
    "adcp_sales.demo",
]

MIDDLEWARE = [
    "adcp_sales.transports.https_only.HttpsOnlyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# lock_timeout: a request that waits this long for a row says so instead of hanging a worker.
LOCK_TIMEOUT_MILLISECONDS = 3000
DATABASE_URL = env.text("DATABASE_URL", "postgresql://postgres@/postgres?host=/var/run/postgresql")
DATABASES = {
    "default": env.database(DATABASE_URL) | {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
}
DATABASES["default"]["OPTIONS"] |= {
    "options": f"-c lock_timeout={LOCK_TIMEOUT_MILLISECONDS} -c timezone=UTC",
    "connect_timeout": 5,
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Strict"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "adcp_sales.formats"
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "build" / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if env.text("EMAIL_HOST")
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = int(env.text("EMAIL_PORT", "587"))
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 10
EMAIL_FILE_PATH = DATA_DIR / "mail"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "sales-desk@localhost")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["adcp_sales.transports.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["adcp_sales.transports.renderers.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["adcp_sales.transports.parsers.StrictJSONParser"],
    "EXCEPTION_HANDLER": "adcp_sales.transports.exceptions.adcp_exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

# Without a broker of its own, Celery's wake-ups travel over the same PostgreSQL.
SPECTACULAR_SETTINGS = {
    "TITLE": "AdCP Sales",
    "DESCRIPTION": "The REST binding of the publisher's AdCP sales agent: one POST per task.",
    "VERSION": "3.1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"defaultModelsExpandDepth": -1, "docExpansion": "list"},
    "POSTPROCESSING_HOOKS": ["adcp_sales.transports.openapi.add_components"],
}

CELERY_BROKER_URL = broker.broker_url(configured=env.text("CELERY_BROKER_URL"))
CELERY_BROKER_TRANSPORT_OPTIONS = broker.transport_options(
    configured=env.text("CELERY_BROKER_URL"), database_url=DATABASE_URL
)
CELERY_BROKER_CONNECTION_TIMEOUT = broker.CONNECT_TIMEOUT_SECONDS
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# The schedule in code is synchronised into django-celery-beat after each migrate, where staff may
# pause or retime a job. `expires` is shorter than the interval, so that ticks never pile up.
BEAT_JOBS = {
    "Activate flights": {
        "task": "tasks_hitl.tasks.activate_flights",
        "schedule": crontab(),
        "queue": "flights",
        "expires": 50,
        "description": "Starts every confirmed buy whose flight has begun.",
    },
    "Complete flights": {
        "task": "tasks_hitl.tasks.complete_flights",
        "schedule": crontab(),
        "queue": "flights",
        "expires": 50,
        "description": "Ends every running buy whose flight is over.",
    },
    "Import delivery": {
        "task": "tasks_hitl.tasks.import_delivery",
        "schedule": 30,
        "queue": "flights",
        "expires": 29,
        "description": "Reads what the ad server has delivered, and ends what is delivered.",
    },
    "Import creative reviews": {
        "task": "tasks_hitl.tasks.import_creative_reviews",
        "schedule": 15,
        "queue": "flights",
        "expires": 14,
        "description": "Reads what the ad server's own review says of creatives.",
    },
    "Import inventory": {
        "task": "tasks_hitl.tasks.import_inventory",
        "schedule": crontab(),
        "queue": "flights",
        "expires": 50,
        "description": "Reads every ten minutes, and after a failure at once, what the ad server"
        " can deliver of every product, half a year ahead.",
    },
    "Expire unanswered approvals": {
        "task": "tasks_hitl.tasks.expire_tasks",
        "schedule": crontab(minute="*/5"),
        "queue": "default",
        "expires": 240,
        "description": "Fails every approval that nobody answered in time, and every waiting"
        " change of a buy that has moved on. Never approves.",
    },
    "Measure approval time": {
        "task": "tasks_hitl.tasks.measure_approvals",
        "schedule": crontab(minute=7),
        "queue": "default",
        "expires": 3000,
        "description": "Measures from past decisions how long buyers wait for an answer.",
    },
    "Sweep webhooks": {
        "task": "webhooks.tasks.sweep",
        "schedule": 5,
        "queue": "webhooks",
        "expires": 4,
        "description": "Sends every due notification that a lost wake-up left behind.",
    },
    "Sweep bookings": {
        "task": "tasks_hitl.tasks.sweep_bookings",
        "schedule": 10,
        "queue": "booking",
        "expires": 9,
        "description": "Resumes every booking that a lost wake-up or a crash left behind.",
    },
    "Tell the ad server": {
        "task": "tasks_hitl.tasks.traffic",
        "schedule": 10,
        "queue": "booking",
        "expires": 9,
        "description": "Tells the ad server of every order and creative that it is behind on.",
    },
    "Forget old idempotency keys": {
        "task": "adcp_sales.protocol.tasks.forget_idempotency_keys",
        "schedule": crontab(minute="17", hour="3"),
        "queue": "default",
        "expires": 3600,
        "description": "Deletes the records of buyers' calls that can no longer be replayed.",
    },
    "Forget old proposal drafts": {
        "task": "adcp_sales.protocol.tasks.forget_proposal_drafts",
        "schedule": crontab(minute="37"),
        "queue": "default",
        "expires": 3000,
        "description": "Deletes drafts of proposals a day after they expired.",
    },
    "Heartbeat": {
        "task": "adcp_sales.protocol.tasks.heartbeat",
        "schedule": 15,
        "queue": "default",
        "expires": 14,
        "description": "Shows that beat and a worker are alive.",
    },
}

WAKEUP_SENDER = "adcp_sales.celery.send_wakeup"
WEBHOOK_SIGNING_KEY = env.text("WEBHOOK_SIGNING_KEY")
FIELD_ENCRYPTION_KEYS = env.words("FIELD_ENCRYPTION_KEYS")
ALLOW_PRIVATE_DESTINATIONS = env.flag("ALLOW_PRIVATE_DESTINATIONS")
WEBHOOK_RETRY_HORIZON_SECONDS = 86_400

ADSERVER = env.text("ADSERVER", "inline")
ADSERVER_URL = env.text("ADSERVER_URL")
ADSERVER_TOKEN = env.text("ADSERVER_TOKEN")
INLINE_ADSERVER_STEP_SECONDS = float(env.text("INLINE_ADSERVER_STEP_SECONDS", "0"))
# Whether orders on an account with a governance agent must name their campaign plan.
GOVERNANCE_REQUIRE_PLAN_ID = env.flag("GOVERNANCE_REQUIRE_PLAN_ID")
IDEMPOTENCY_REPLAY_SECONDS = 86_400
TOKEN_CACHE_SECONDS = 5
# "always" raises on an answer that breaks its schema; "sample" checks one in a hundred and logs.
RESPONSE_VALIDATION = "sample"
REQUEST_BODY_LIMIT_BYTES = 1_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * REQUEST_BODY_LIMIT_BYTES

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "WARNING")},
}
