"""Every address: the API, the emergency admin, log-in, pages, and how it is."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from config.health import healthz
from web.doors import to_the_admin
from web.reviews import review

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("", include("web.account_urls")),
    path("admin/login/", to_the_admin),
    path("admin/", admin.site.urls),
    path("api/v1/", include("api.urls")),
    path("language/", set_language, name="set_language"),
    path("review/<str:token>/", review, name="review"),
    path("", include("web.urls")),
]

handler403, handler404, handler500 = "web.errors.denied", "web.errors.missing", "web.errors.broken"
