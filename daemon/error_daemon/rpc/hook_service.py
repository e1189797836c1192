"""HookService: who is told, what became of it, and telling it again, over middle.HookDesk."""

from __future__ import annotations

from urllib.parse import urlsplit

from error_daemon.calls import Call, Service
from error_daemon.errors import InputError
from error_daemon.middle import HookDesk
from error_daemon.model.hook import DELIVERY_STATES, Delivery, Hook, HookView
from error_daemon.rpc import requests
from error_daemon.rpc.unary import unary
from error_recovery.v1 import hook_pb2

_MOST_DELIVERIES = 1000


class HookService:
    def __init__(self, desk: HookDesk) -> None:
        self._desk = desk

    def service(self) -> Service:
        pb = hook_pb2
        return Service(
            "error_recovery.v1.HookService",
            (
                unary("ListHooks", self.list_hooks, pb.ListHooksRequest),
                unary("ListDeliveries", self.list_deliveries, pb.ListDeliveriesRequest),
                unary("Redeliver", self.redeliver, pb.RedeliverRequest),
                unary("SendTest", self.send_test, pb.SendTestRequest),
            ),
        )

    def list_hooks(self, _request: hook_pb2.ListHooksRequest, _call: Call) -> hook_pb2.ListHooksResponse:
        hooks = [hook_message(view) for view in self._desk.views()]
        return hook_pb2.ListHooksResponse(hooks=hooks, problem=self._desk.problem)

    def list_deliveries(self, request: hook_pb2.ListDeliveriesRequest, _call: Call) -> hook_pb2.ListDeliveriesResponse:
        if request.state and request.state not in DELIVERY_STATES:
            raise InputError("state", f"{request.state!r} is none of {', '.join(DELIVERY_STATES)}")
        found = self._desk.deliveries(requests.short(request.hook_id, "hook_id"), request.state)
        shown = found[: requests.limit(request.limit, 100, _MOST_DELIVERIES)]
        return hook_pb2.ListDeliveriesResponse(
            deliveries=[delivery_message(one, with_body=request.with_body) for one in shown], total=len(found)
        )

    def redeliver(self, request: hook_pb2.RedeliverRequest, call: Call) -> hook_pb2.RedeliverResponse:
        if not request.hook_id and not request.delivery_id:
            raise InputError("delivery_id", "is empty, and so is hook_id: say which, or whose")
        again = self._desk.redeliver(
            requests.short(request.hook_id, "hook_id"),
            requests.short(request.delivery_id, "delivery_id"),
            requests.person(request.by, call.caller),
        )
        return hook_pb2.RedeliverResponse(deliveries=again)

    async def send_test(self, request: hook_pb2.SendTestRequest, call: Call) -> hook_pb2.SendTestResponse:
        hook = requests.some_id(request.hook_id, "hook_id")
        arrived, detail, took_s = await self._desk.test(hook, requests.person(request.by, call.caller))
        return hook_pb2.SendTestResponse(arrived=arrived, detail=detail, took_s=took_s)


def hook_message(view: HookView) -> hook_pb2.Hook:
    hook = view.hook
    return hook_pb2.Hook(
        hook_id=hook.id,
        kind=hook.kind,
        to=_to(hook),
        events=sorted(hook.events),
        state=view.state,
        waiting=view.waiting,
        sent=view.sent,
        failed=view.failed,
        dead=view.dead,
        folded=view.folded,
        detail=view.detail,
        last_sent_at=view.last_sent_at,
        until=view.until,
    )


def _to(hook: Hook) -> str:
    """Without what may be a secret: a URL's path (chats have their keys in it, be it at its beginning), its query, who it logs in as."""
    params = hook.params
    if hook.kind == "email":
        return ", ".join(params["to"])
    if hook.kind == "plugin":
        return str(params["plugin"])
    if "url" not in params:
        return f"the URL in {hook.secret_file}"
    url = urlsplit(params["url"])
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}" + ("/..." if url.path.strip("/") or url.query else "")


def delivery_message(one: Delivery, *, with_body: bool) -> hook_pb2.Delivery:
    event = one.event
    return hook_pb2.Delivery(
        delivery_id=one.delivery_id,
        hook_id=one.hook,
        event_type=event.type,
        error_id=event.error_id,
        state=one.state,
        at=event.at,
        attempts=one.attempts,
        due_at=one.due_at if one.state == "waiting" else 0.0,
        ended_at=one.ended_at,
        detail=one.detail,
        events=one.events,
        text=event.body["data"]["text"],
        body=event.text if with_body else "",
    )
