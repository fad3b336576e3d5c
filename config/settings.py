"""Seloste's settings. Everything that differs between installations comes from the environment (.env.example)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from config import env
from config.keys import session_key

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("SELOSTE_DATA", str(BASE_DIR / "var"))).resolve()
"""Database (embedded), keys, journals and reports. Keys and journals never lie in the database."""

DEBUG = env.flag("SELOSTE_DEBUG", False)
ALLOWED_HOSTS = env.names("SELOSTE_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.names("SELOSTE_ORIGINS")
SECRET_KEY = env.secret("SELOSTE_SECRET_KEY") or session_key(DATA_DIR / "keys")

INSTALLED_APPS = [
    "entrance.apps.SecondFactorAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "simple_history",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "django_filters",
    "django_htmx",
    "ropa",
    "retention",
    "entrance",
    "api",
    "web",
    "worker",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": env.database(
        "SELOSTE_DATABASE_URL",
        DATA_DIR / "seloste.sqlite3",
        env.number("SELOSTE_STATEMENT_SECONDS", 600),
        env.number("SELOSTE_CONNECTION_SECONDS", 60),
    )
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "entrance_counted",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # what is counted against guessing is not thrown out by counting more
    },
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
"""The default one is shared by all processes: tries and used codes are counted there (`entrance.guesses`)."""
REDIS_URL = env.broker("SELOSTE_REDIS_URL")
"""Celery's broker; empty: there are no Celery workers, and the embedded commands run the nights."""
NIGHT_AT = env.clock("SELOSTE_NIGHT_AT", "02:00")
"""When the schedule asks for an organisation's night, in its time zone."""
SWEEP_SECONDS = env.number("SELOSTE_SWEEP_SECONDS", 30, least=1)
"""How often somebody looks for nights and steps that wait."""
VISIBILITY_SECONDS = env.number("SELOSTE_VISIBILITY_SECONDS", 43_200, least=60)
"""After how long the broker gives a message, whose task has not ended, to another worker too."""
LEASE_SECONDS = env.number("SELOSTE_LEASE_SECONDS", 120, least=10)
"""How long a step of a night stays a worker's of whom nothing is heard."""

_MAIL = env.mail("SELOSTE_MAIL_URL")
MAIL_URL = bool(_MAIL["EMAIL_HOST"])
"""Whether letters can be sent at all."""
EMAIL_HOST, EMAIL_PORT = _MAIL["EMAIL_HOST"], _MAIL["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL["EMAIL_HOST_USER"], _MAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL["EMAIL_USE_TLS"], _MAIL["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 10
"""Seconds; a letter is sent while a row is locked."""
DEFAULT_FROM_EMAIL = env.text("SELOSTE_MAIL_FROM", "seloste@localhost")
PUBLIC_URL = env.address("SELOSTE_URL")
"""Where people reach this installation: the links in letters begin with it."""

ALARM_MORNING = env.clock("SELOSTE_ALARM_MORNING", "07:00")
"""By when a night has run, by the clock where the organisation is."""
ALARM_MAIL = env.addresses("SELOSTE_ALARM_MAIL")
"""Who is written to beside administrators, DPO and controller: a list for each level."""
ALARM_WEBHOOK_URL = env.webhook("SELOSTE_ALARM_WEBHOOK_URL")
ALARM_WEBHOOK_SECRET = env.secret("SELOSTE_ALARM_WEBHOOK_SECRET")
ALARM_REMIND_HOURS = env.number("SELOSTE_ALARM_REMIND_HOURS", 24, least=1)
ALARM_ESCALATE_HOURS = env.number("SELOSTE_ALARM_ESCALATE_HOURS", 12, least=1)
ALARM_PAPER_DAYS = env.number("SELOSTE_ALARM_PAPER_DAYS", 30, least=1)
"""How long an order to the archive keeper may wait for its certificate."""

STAMP_URL = env.stamp_authority("SELOSTE_STAMP_URL")
"""A time-stamp authority (RFC 3161) that is shown the digest of each signed head, and nothing else; empty: none is."""
STAMP_IN_CLEAR = env.in_clear(STAMP_URL)
STAMP_CA = env.certificates("SELOSTE_STAMP_CA")
"""Whose certificate every stamp must lead to; empty: who gave it is not asked."""
STAMP_POLICY = env.oid("SELOSTE_STAMP_POLICY")
STAMP_CREDENTIALS = env.secret("SELOSTE_STAMP_CREDENTIALS")

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "entrance.passwords.LongEnough", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
CSRF_FAILURE_VIEW = "web.errors.stale"

PROXIES = env.number("SELOSTE_PROXIES", 0)
ALLAUTH_TRUSTED_PROXY_COUNT = PROXIES
ACCOUNT_ADAPTER = "entrance.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
MFA_ADAPTER = "entrance.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1
"""A code is good for half a minute before and after its own: clocks of telephones differ."""
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_COOKIES = env.flag("SELOSTE_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "fi"
LANGUAGES = [("fi", "suomi"), ("sv", "svenska"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = "Europe/Helsinki"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
"""Style sheets and scripts are compressed when they are collected; pages are not, since they hold secrets (BREACH)."""

SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True

DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
"""A section of the record with two hundred entries in it has so many fields."""
FILE_UPLOAD_MAX_MEMORY_SIZE = 26 * 1024 * 1024
"""The largest form with a file: what an inventory document may have, and the form's other fields."""
FILE_UPLOAD_HANDLERS = ["web.uploads.Bounded", "django.core.files.uploadhandler.MemoryFileUploadHandler"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.BearerToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.ByRole"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.lists.ShallowJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "api.lists.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_THROTTLE_RATES": {
        "log_in_address": "20/min",
        "log_in_name": "10/min",
        "codes": "20/day",
        "tokens": "20/hour",
        "suppression": "120/min",
    },
    "NUM_PROXIES": PROXIES,
    "EXCEPTION_HANDLER": "api.errors.answer",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Seloste",
    "DESCRIPTION": "Records of processing (GDPR art. 30) that execute their own retention column, and prove it.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "NightState": "retention.models.run.RunState",
        "LotState": "api.retention_serializers.LOT_STATES",
        "HoldReason": "retention.holds.REASONS",
        "AlarmKind": "retention.models.alarm.AlarmKind",
        "AlarmState": "retention.models.alarm.AlarmState",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.errors.describe_problems",
    ],
}
REST_KNOX = {
    "TOKEN_TTL": timedelta(days=30),
    "AUTH_HEADER_PREFIX": "Bearer",
    "AUTO_REFRESH": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"links": {"()": "config.masks.LinkMask"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["links"]}},
    "root": {"handlers": ["stderr"], "level": env.text("SELOSTE_LOG_LEVEL", "WARNING")},
}
