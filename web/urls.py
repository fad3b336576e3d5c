"""Pages for people: for now, the owners' yearly review."""

from django.urls import path

from web import reviews

urlpatterns = [path("review/<str:token>/", reviews.review, name="review")]
