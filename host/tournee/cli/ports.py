"""The machine behind the use cases' ports: clock, randomness, CMS."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from tournee.errors import UsageError
from tournee.practice.ports import Sealing

DATE_VARIABLE = "TOURNEE_DATE"


class SystemClock:
    """The computer's clock; `TOURNEE_DATE=AAAA-MM-JJ` moves it to another day (simulation, tests), keeping the time of day."""

    def __init__(self) -> None:
        self._shift = timedelta(0)
        if wanted := os.environ.get(DATE_VARIABLE):
            try:
                day = date.fromisoformat(wanted)
            except ValueError:
                raise UsageError(f"{DATE_VARIABLE} : « {wanted} » n'est pas une date.", "Écrivez AAAA-MM-JJ.") from None
            self._shift = day - datetime.now().astimezone().date()

    @property
    def simulated(self) -> bool:
        return self._shift != timedelta(0)

    def now(self) -> datetime:
        return datetime.now().astimezone() + self._shift

    def today(self) -> date:
        return self.now().date()


class SystemRandom:
    def bytes(self, n: int) -> bytes:
        return os.urandom(n)


class CmsSealer:
    """`Sealer` on `transmit.adapters.cms`."""

    def begin(self, content: bytes, signer_certificate: bytes, certificates: Sequence[bytes], at: datetime) -> Sealing:
        from tournee.transmit.adapters import cms

        pending = cms.begin(content, signer_certificate=signer_certificate, certificates=certificates, signing_time=at)
        return Sealing(pending.digest_info, pending)

    def finish(self, sealing: Sealing, signature: bytes, recipient_certificate_pem: str) -> bytes:
        from tournee.transmit.adapters import cms

        if not isinstance(sealing.state, cms.PendingSignature):
            raise TypeError("not a sealing of this sealer")
        return cms.envelope(cms.finish(sealing.state, signature), recipient_certificate_pem)
