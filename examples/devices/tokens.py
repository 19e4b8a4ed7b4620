"""What a device's key is good for: tokens of its own, and nothing else."""

from collections.abc import Sequence

from tornado_wssec import ApiKey

from ..pages import Api


class DeviceToken(Api):
    """`POST /device/token` with a device's key gives a token of ten minutes: what is stolen of it ends by itself."""

    async def post(self) -> None:
        who = await self.guard.authenticate(self.request, ways=[ApiKey()])
        self.write({"token": self.guard.issue_token(who.subject, device_rights(who.subject))})


def device_rights(device: str) -> Sequence[str]:
    """What a device may do: report as itself, and hear what it is told."""
    return [f"devices:report:{device}", f"devices:obey:{device}"]
