"""Every address: the API, the emergency admin, log-in, pages, and how it is."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from api.tokens import LogIn
from config.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("login/", LogIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("api.urls")),
    path("", include("web.urls")),
]
