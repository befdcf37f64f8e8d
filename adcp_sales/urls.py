"""Every address of the deployment."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerView

from adcp_sales.health import healthz
from adcp_sales.transports import well_known
from adcp_sales.transports.openapi import OpenApiView, PageSchemaView

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/", permanent=False), name="home"),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path(".well-known/jwks.json", well_known.jwks, name="jwks"),
    path(".well-known/brand.json", well_known.brand, name="brand"),
    path("api/schema/", OpenApiView.as_view(), name="schema"),
    path("api/docs/schema.json", PageSchemaView.as_view(), name="docs-schema"),
    path(
        "api/docs/",
        SpectacularSwaggerView.as_view(url_name="docs-schema", authentication_classes=[]),
        name="docs",
    ),
    path("", include("adcp_sales.transports.rest")),
    path("", include("adcp_sales.transports.interchange")),
]
