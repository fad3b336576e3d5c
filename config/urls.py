"""Every address: the API, the emergency admin, log-in, pages, and how it is."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from api.tokens import LogIn
from config.health import healthz
from web.reviews import review

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("login/", LogIn.as_view(template_name="web/login.html"), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("api.urls")),
    path("language/", set_language, name="set_language"),
    path("review/<str:token>/", review, name="review"),
    path("", include("web.urls")),
]

handler403, handler404, handler500 = "web.errors.denied", "web.errors.missing", "web.errors.broken"
