"""Settings in the browser: two tabs on every strategy, a list and a form of every module, history, TOML."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from webui.part import NavItem, Part
from webui.settings_cells import all_forms, form_cells, list_cells, overridden
from webui.settings_forms import SettingsForms, page_of
from webui.settings_history import SettingsHistory
from webui.settings_source import SettingsForm, SettingsSource
from webui.settings_transfer import SettingsTransfer
from webui.topics import Rendered


class SettingsPages(Part):
    """The part. `settings` is asked in the loop for what is in memory and awaited for what is in Postgres."""

    nav = (NavItem("/settings", "Settings"), NavItem("/settings/history", "Settings history"))
    tabs = (("settings", "Settings"), ("guide", "Guide"))
    topic_kinds = ("settings",)

    def __init__(self, settings: SettingsSource) -> None:
        self._settings = settings
        self._rendered: dict[str, tuple[SettingsForm, Rendered]] = {}  #: by module: there are as many as modules
        self._forms = SettingsForms(self, settings)
        self._history = SettingsHistory(self, settings)
        self._transfer = SettingsTransfer(self, settings)

    def routes(self) -> list[BaseRoute]:
        """Fixed paths first: no module is called history or import."""
        forms, history, transfer = self._forms, self._history, self._transfer
        return [
            Route("/settings", self.index),
            Route("/settings/history", history.show),
            Route("/settings/history.csv", history.csv),
            Route("/settings/export.toml", transfer.export),
            Route("/settings/import", transfer.show),
            Route("/settings/import", transfer.submit, methods=["POST"]),
            Route("/settings/{module}", forms.module),
            Route("/settings/{module}", forms.save, methods=["POST"]),
            Route("/settings/{module}/preview", forms.preview, methods=["POST"]),
            Route("/settings/{module}/state", forms.state),
            Route("/settings/{module}/restore", history.ask_restore),
            Route("/settings/{module}/restore", history.restore, methods=["POST"]),
            Route("/{module}/settings", forms.strategy),
            Route("/{module}/guide", forms.guide),
        ]

    def render(self, topic: str) -> Rendered | None:
        """`settings` or `settings:MODULE`."""
        if topic == "settings":
            return Rendered(list_cells(all_forms(self._settings)))
        module = topic.partition(":")[2]
        form = self._settings.form(module)
        if form is None:
            return None
        known = self._rendered.get(module)
        if known is None or known[0] is not form:  # a source that keeps its form until it changes costs us nothing
            known = self._rendered[module] = (form, Rendered(form_cells(form)))
        return known[1]

    async def index(self, request: Request) -> Response:
        """All modules with how much of them was changed."""
        forms = all_forms(self._settings)
        return self.page(
            request,
            "settings_list.html",
            title="Settings",
            cells=list_cells(forms),
            topics=("settings",),
            forms=forms,
            links={form.item.module: page_of(form) for form in forms},
            overridden={form.item.module: overridden(form) for form in forms},
        )
