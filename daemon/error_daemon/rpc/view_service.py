"""ViewService: what pages are made from, over middle.Views."""

from __future__ import annotations

from error_daemon.calls import Call, Service
from error_daemon.errors import InputError
from error_daemon.middle import Views
from error_daemon.model.views import Now, ScoreWish
from error_daemon.rpc import convert_views, requests
from error_daemon.rpc.unary import unary
from error_recovery.v1 import view_pb2

_MOST_LISTED = 100
_MOST_SCORE_POINTS = 200
_MOST_HOST_POINTS = 600
_MOST_HOST_S = 900.0
_BY = ("type", "level", "target")
_LEVELS = 5


class ViewService:
    def __init__(self, views: Views) -> None:
        self._views = views
        self._shown: dict[int, tuple[Now, view_pb2.GetNowResponse]] = {}  # by limit

    def service(self) -> Service:
        pb = view_pb2
        return Service(
            "error_recovery.v1.ViewService",
            (
                unary("GetNow", self.get_now, pb.GetNowRequest),
                unary("ListTargets", self.list_targets, pb.ListTargetsRequest),
                unary("ListScores", self.list_scores, pb.ListScoresRequest),
                unary("GetLayers", self.get_layers, pb.GetLayersRequest),
                unary("GetHost", self.get_host, pb.GetHostRequest),
            ),
        )

    async def get_now(self, request: view_pb2.GetNowRequest, _call: Call) -> view_pb2.GetNowResponse:
        limit = requests.limit(request.limit, 20, _MOST_LISTED)
        now = await self._views.now()
        shown = self._shown.get(limit)
        if shown is None or shown[0] is not now:  # fifty pages that ask in the same half second get one message
            shown = self._shown[limit] = now, convert_views.now_message(now, limit)
        return shown[1]

    async def list_targets(self, request: view_pb2.ListTargetsRequest, _call: Call) -> view_pb2.ListTargetsResponse:
        return convert_views.targets_message(await self._views.targets(requests.short(request.target, "target")))

    async def list_scores(self, request: view_pb2.ListScoresRequest, _call: Call) -> view_pb2.ListScoresResponse:
        since, until = requests.time_range(request.since, request.until)
        if request.by and request.by not in _BY:
            raise InputError("by", f"{request.by!r} is none of {', '.join(_BY)}")
        if request.level > _LEVELS:
            raise InputError("level", f"{request.level} is none of 1 to {_LEVELS}")
        wish = ScoreWish(
            since,
            until,
            request.by or _BY[0],
            requests.error_type(request.error_type, "error_type"),
            requests.short(request.strategy_id, "strategy_id"),
            requests.short(request.target, "target"),
            request.level,
            requests.limit(request.points, 48, _MOST_SCORE_POINTS, "points"),
        )
        return convert_views.scores_message(await self._views.scores(wish), wish.by)

    async def get_layers(self, request: view_pb2.GetLayersRequest, _call: Call) -> view_pb2.GetLayersResponse:
        span = requests.time_range(request.since, request.until)
        return convert_views.layers_message(await self._views.layers(*span))

    def get_host(self, request: view_pb2.GetHostRequest, _call: Call) -> view_pb2.GetHostResponse:
        if not 0.0 <= request.last_s <= _MOST_HOST_S:
            raise InputError("last_s", f"{request.last_s:g} is not from 0 to {_MOST_HOST_S:g}")
        points = requests.limit(request.points, 120, _MOST_HOST_POINTS, "points")
        host = self._views.host(requests.short(request.figure, "figure"), request.last_s or 60.0, points)
        return convert_views.host_message(host)
