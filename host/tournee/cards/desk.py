"""The two cards in front of the practitioner: reads, PIN once per CPS session, signatures. Implements `practice.ports.Desk`.

A read is begun again once when the card lost its power (link gone, terminal restarted); a PIN try or a signature never is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from tournee.cards import cps, driver, svsim, vitale
from tournee.cards.commands import Card, Program
from tournee.cards.errors import CardBlocked, CardDataError, NotVerified
from tournee.cards.model import CpsCard, VitaleCard
from tournee.terminal.errors import CardAbsent, CardNotPowered, CardRemoved, OutcomeUnknown, TerminalRestarted
from tournee.terminal.model import Reader

T = TypeVar("T")
_POWER_LOST: Final = (CardNotPowered, OutcomeUnknown, TerminalRestarted)


class Desk:
    """Cards may be pulled and changed at any time: each call looks at what is there now, and what was read of a card that is gone is forgotten."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._cps: CpsCard | None = None
        self._cps_open = False  # the PIN was verified in this power session
        self._cps_asked = False  # a PIN try was begun in this power session
        self._vitale: VitaleCard | None = None
        self._vitale_open = False  # the CPS was shown to this Vitale
        self._found: dict[str, driver.Found] = {}

    async def practitioner(self) -> CpsCard:
        """Public part of the CPS: no PIN."""
        await self._locate("cps")
        return await self._cps_card()

    async def open_cps(self) -> CpsCard:
        """With the situations; asks the PIN on the terminal unless it was verified already in this CPS session."""
        card = await self.practitioner()
        if card.situations is None:
            known = card
            self._cps = card = await self._with_pin(lambda: cps.read_situations(known), again=True)
        elif not self._cps_open:
            await self._verify()
        return card

    async def pin_tries(self) -> int | None:
        """Tries left of the code porteur; None when it is verified."""
        await self._locate("cps")
        return await self._read(cps.pin_tries, "cps")

    async def patient(self) -> VitaleCard:
        """Public part of the Vitale: no CPS needed."""
        await self._locate("vitale")
        return await self._vitale_card()

    async def patient_rights(self) -> VitaleCard:
        """With the rights, which the CPS opens (its PIN is asked when needed)."""
        card = await self.patient()
        if card.droits is None:
            if self._vitale_open:
                card = replace(card, droits=await self._read(svsim.read_rights, "vitale"))
            else:
                card = await self._open_vitale()
            self._vitale = card
        return card

    async def sign_cps(self, message: bytes) -> bytes:
        """256 bytes, key CPS_PRIV_SIG, over 1 … 55 bytes. A signature whose outcome is unknown is not begun again."""
        await self._known("cps")
        return await self._with_pin(lambda: cps.sign(message))

    async def sign_vitale(self, message: bytes) -> bytes:
        """256 bytes, SV-SIM key of the Vitale, over 1 … 55 bytes. The CPS must be there."""
        await self._known("vitale")
        if not self._vitale_open:
            await self._open_vitale()
        return await self._run(svsim.sign(message))

    async def authenticate(self, digest_info: bytes) -> bytes:
        """256 bytes, key CPS_PRIV_AUT."""
        await self._known("cps")
        return await self._with_pin(lambda: cps.authenticate(digest_info))

    async def _cps_card(self) -> CpsCard:
        if self._cps is None:
            atr = self._found["cps"].atr
            self._cps = await self._read(lambda: cps.read_public(atr), "cps")
        return self._cps

    async def _vitale_card(self) -> VitaleCard:
        if self._vitale is None:
            atr = self._found["vitale"].atr
            self._vitale = await self._read(lambda: vitale.read_public(atr), "vitale")
        return self._vitale

    async def _open_vitale(self) -> VitaleCard:
        """Shows the CPS to the Vitale and reads the rights on the way."""
        await self._known("cps")
        certificate = (await self._cps_card()).certificat_authentification
        card = await self._vitale_card()
        serial = bytes.fromhex(card.identifiant)
        if certificate is None:
            raise CardDataError("CPS", "certificat d'authentification absent")
        if not serial:
            raise CardDataError("carte Vitale", "numéro de série absent")
        droits = await self._with_pin(lambda: svsim.open_rights(serial, certificate))
        self._vitale_open = True
        self._vitale = replace(card, droits=droits)
        return self._vitale

    async def _with_pin(self, make: Callable[[], Program[T]], *, again: bool = False) -> T:
        """Runs; when the card asks for the PIN, verifies it once and runs again. `again`: a mere read."""
        if not self._cps_open:
            await self._verify()
        try:
            return await (self._read(make, "cps") if again else self._run(make()))
        except NotVerified:  # the card was reset behind our back
            self._cps_open = False
            await self._verify()
            return await self._run(make())

    async def _verify(self) -> None:
        """Asks the PIN, unless a try whose outcome is unknown was in truth good: then the card says so."""
        if self._cps_asked:
            tries = await self._run(cps.pin_tries())
            if tries == 0:
                raise CardBlocked
            if tries is None:
                self._cps_open = True
                return
        self._cps_asked = True
        await self._run(cps.verify())
        self._cps_open = True

    async def _read(self, make: Callable[[], Program[T]], card: Card) -> T:
        try:
            return await self._run(make())
        except _POWER_LOST:
            await self._locate(card)
            return await self._run(make())

    async def _run(self, program: Program[T]) -> T:
        try:
            slots = {name: found.slot for name, found in self._found.items()}
            return await driver.run(self.reader, slots, program)
        except _POWER_LOST:
            self._forget("cps", "vitale")
            raise
        except (CardAbsent, CardRemoved) as exc:
            self._forget(*[name for name, found in self._found.items() if found.slot == exc.slot])
            raise

    async def _known(self, card: Card) -> None:
        """Looks for `card` unless its slot is known; a card pulled meanwhile shows in its first answer."""
        if card not in self._found:
            await self._locate(card)

    async def _locate(self, card: Card) -> driver.Found:
        """Where `card` is now; forgets what was known of cards that were reset, changed or moved."""
        located = await driver.locate(self.reader, card)
        for name, before in list(self._found.items()):
            now = located.cards.get(name)
            if now is None or now.fresh or now.slot != before.slot:
                self._forget(name)
        self._found |= located.cards
        if (cps_found := located.cards.get("cps")) is not None and cps_found.fresh:
            self._cps_asked = False
        return located.need(card)

    def _forget(self, *cards: str) -> None:
        for card in cards:
            self._found.pop(card, None)
        if "cps" in cards:
            self._cps, self._cps_open = None, False
        if "vitale" in cards:
            self._vitale, self._vitale_open = None, False
