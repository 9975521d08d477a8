"""Stripe Connect: a transfer to the agency's connected account, then a payout from there to its bank. The one module that knows stripe.

Both are made under keys derived from the payout's own, after looking whether they exist, so that a request whose answer was lost, or whose
key Stripe has forgotten, is still one payment. What came back to the connected account is taken back before we call it returned.
Source: docs.stripe.com/connect/separate-charges-and-transfers, /api/idempotent_requests, /webhooks/signature.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import stripe

from payouts.rails.choosing import NOT_PAID_ONLINE, ONLINE_RAIL, WHY_A_FILE
from payouts.rails.connected_protocol import AccountPlan, AccountState, Heard, NotGenuine
from payouts.rails.protocol import Declined, Fate, Instruction, Made, Sent, Unknown
from portal.kernel.audit import canonical
from portal.kernel.errors import Invalid, Problem, Refused, Unavailable

T = TypeVar("T")
REPLAY_SECONDS = 300
LONGEST_WORD = 255  # bytes; Source: docs.stripe.com/upgrades, object ids
TIMEOUT_SECONDS = 20
WITH_STRIPE = frozenset({"pending", "in_transit"})
ONE_TIME = re.compile(r"t=(\d{1,12})")
EUROZONE = "AT BE CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"
# Where a platform may pay connected accounts out by itself, and in what. Source: docs.stripe.com/connect/cross-border-payouts.
PAYS: Mapping[str, str] = {
    "US": "USD",
    "GB": "GBP",
    "CA": "CAD",
    "CH": "CHF",
    **dict.fromkeys(EUROZONE.split(), "EUR"),
}


class StripeConnect:
    """Pays through Stripe. `secrets` are those of our webhook endpoints (the platform's own and the connected accounts')."""

    name = ONLINE_RAIL
    profile_name = ""
    profile_version = None

    def __init__(
        self,
        key: str,
        secrets: Sequence[str] = (),
        *,
        is_live: bool = False,
        pays: Mapping[str, str] = PAYS,
        http_client: stripe.HTTPClient | None = None,
    ) -> None:
        self.is_live, self.pays, self._secrets = is_live, pays, tuple(secrets)
        client = http_client or stripe.RequestsClient(timeout=TIMEOUT_SECONDS)
        self._v1 = stripe.StripeClient(key, max_network_retries=0, http_client=client).v1

    # --- sending

    def why_not(self, country: str, currency: str) -> str:
        """Why Stripe pays nobody in this country and currency; empty when it does."""
        if self.pays.get(country) == currency:
            return ""
        if currency in NOT_PAID_ONLINE:
            return WHY_A_FILE
        return f"Stripe does not pay out {currency} to a bank in {country or 'an unknown country'}: use a file."

    def request_of(self, instruction: Instruction) -> str:
        """Both requests, canonical. Raises Invalid with everything Stripe would refuse."""
        problems = []
        if instruction.currency not in self.pays.values():
            message = WHY_A_FILE if instruction.currency in NOT_PAID_ONLINE else self.why_not("", instruction.currency)
            problems.append(
                Problem("not_paid_there", message, "Pay by file.", column="currency", value=instruction.ref)
            )
        if not instruction.destination.startswith("acct_"):
            cure = "Open one for it under Stripe, or pay by file."
            problems.append(Problem("no_account", f"{instruction.ref}: the agency has no account at Stripe.", cure))
        if instruction.amount_minor <= 0:
            problems.append(Problem("bad_amount", f"{instruction.ref} is not above zero.", value=instruction.ref))
        if problems:
            raise Invalid(problems)
        whole: dict[str, Any] = {
            "amount": instruction.amount_minor,
            "currency": instruction.currency.lower(),
            "description": instruction.remark[:200],
            "metadata": {"payout": instruction.ref},
        }
        transfer = {"destination": instruction.destination, "transfer_group": instruction.ref}
        return canonical({"transfer": whole | transfer, "payout": whole | {"method": "standard"}})

    def send(self, instruction: Instruction, request: str, key: str) -> Sent:
        """Transfer and payout, each unless it is there already. Raises Unknown, or Declined with nothing left to the agency."""
        asked = json.loads(request)
        if not _is_meant(asked, instruction):
            raise Declined(f"The frozen request of {instruction.ref} is not what the payout says.")
        transfer = self._transfer_of(instruction) or self._made(
            lambda: self._v1.transfers.create(asked["transfer"], {"idempotency_key": f"{key}:transfer"})
        )
        payout = self._payout_of(instruction, transfer)
        if payout is None:
            options: Any = {"idempotency_key": f"{key}:payout", "stripe_account": instruction.destination}
            try:
                payout = self._made(lambda: self._v1.payouts.create(asked["payout"], options))
            except Declined:
                self._take_back(instruction, transfer)
                raise
        return Sent(payout.id)

    def look_up(self, instruction: Instruction) -> Fate:
        """What Stripe knows of it, by our reference. A payout that came back is taken back to us first. Raises Unknown."""
        transfer = self._transfer_of(instruction)
        if transfer is None:
            return Fate("absent")
        payout = self._payout_of(instruction, transfer)
        told: dict[str, Any] = {"currency": transfer.currency.upper(), "destination": str(transfer.destination)}
        if payout is None:
            if transfer.reversed:
                return Fate("failed", reason="The transfer was taken back.", amount_minor=transfer.amount, **told)
            return Fate("absent", amount_minor=transfer.amount - transfer.amount_reversed, **told)
        told["provider_ref"] = payout.id
        if payout.currency != transfer.currency:
            told["currency"] = payout.currency.upper()
        meant = instruction.amount_minor
        if payout.status in ("failed", "canceled") or payout.reversed_by:
            told["reason"] = payout.failure_message or f"Stripe says: {payout.status}."
            amount = _odd_one(meant, transfer.amount, payout.amount)
            if (amount, told["currency"]) == (meant, instruction.currency):
                self._take_back(instruction, transfer)
            return Fate("returned", amount_minor=amount, **told)
        amount = _odd_one(meant, transfer.amount - transfer.amount_reversed, payout.amount)
        if payout.status in WITH_STRIPE:
            return Fate("sent", amount_minor=amount, **told)
        if payout.status != "paid":
            raise Unknown(f"Stripe says {payout.status} of {instruction.ref}: ask Stripe.")
        arrived = datetime.fromtimestamp(payout.arrival_date, UTC).date()
        return Fate("paid", paid_on=arrived, amount_minor=amount, **told)

    def made_since(self, since: datetime) -> list[Made]:
        """Every transfer of ours since then that was not wholly reversed, whatever its reference. Raises Unknown."""
        with _or_unknown():
            listed = self._v1.transfers.list({"created": {"gte": int(since.timestamp())}, "limit": 100})
            return [_made_of(each) for each in listed.auto_paging_iter() if not each.reversed]

    def _transfer_of(self, instruction: Instruction) -> stripe.Transfer | None:
        """The transfer made for this payout. Raises Unknown when there are two: a person looks."""
        with _or_unknown():
            listed = self._v1.transfers.list({"transfer_group": instruction.ref, "limit": 100})
            ours = [each for each in listed.auto_paging_iter() if _ref_of(each) == instruction.ref]
        return _the_one(ours, instruction, "transfers")

    def _payout_of(self, instruction: Instruction, transfer: stripe.Transfer) -> stripe.Payout | None:
        """The payout from the connected account, none older than its transfer."""
        with _or_unknown():
            since: Any = {"created": {"gte": transfer.created}, "limit": 100}
            listed = self._v1.payouts.list(since, {"stripe_account": instruction.destination})
            ours = [each for each in listed.auto_paging_iter() if _ref_of(each) == instruction.ref]
        return _the_one(ours, instruction, "payouts")

    def _take_back(self, instruction: Instruction, transfer: stripe.Transfer) -> None:
        """The transfer, reversed in full. Stripe never reverses more than there was, whatever became of the key."""
        if transfer.reversed:
            return
        try:
            with _or_unknown():
                self._v1.transfers.reversals.create(
                    transfer.id,
                    {"metadata": {"payout": instruction.ref}},
                    {"idempotency_key": f"{transfer.id}:back:{transfer.amount_reversed}"},
                )
        except stripe.StripeError as no:
            raise Unknown(f"{instruction.ref} did not reach the bank, and Stripe keeps the money: {_said(no)}") from no

    def _made(self, make: Callable[[], T]) -> T:
        """What was made; Declined when Stripe says no, Unknown when nobody knows."""
        try:
            with _or_unknown():
                return make()
        except stripe.StripeError as no:
            raise Declined(_said(no)) from no

    # --- accounts

    def open_account(self, plan: AccountPlan) -> AccountState:
        """An account for an agency that Stripe itself asks for its papers; paid out only when we say so."""
        params: dict[str, Any] = {
            "country": plan.country,
            "default_currency": plan.currency.lower(),
            "business_type": "company",
            "company": {"name": plan.legal_name[:100]},
            "controller": {
                "stripe_dashboard": {"type": "express"},
                "losses": {"payments": "application"},
                "fees": {"payer": "application"},
                "requirement_collection": "stripe",
            },
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            "metadata": {"agency": plan.agency_code},
        } | ({"email": plan.email} if plan.email else {})
        with _told():
            return _state_of(
                self._v1.accounts.create(cast(Any, params), {"idempotency_key": plan.key}), is_live=self.is_live
            )

    def onboarding_link(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        with _told():
            link = self._v1.account_links.create(
                {
                    "account": account_id,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                    "collection_options": {"fields": "eventually_due"},
                }
            )
        return link.url

    def account_state(self, account_id: str) -> AccountState:
        with _told():
            return _state_of(self._v1.accounts.retrieve(account_id), is_live=self.is_live)

    # --- hearing

    def hear(self, payload: bytes, header: str, *, now: datetime) -> Heard:
        """Signature over the raw bytes, at most 300 seconds old or early, of our own mode. Raises NotGenuine."""
        if not any(self._signed(payload, header, secret) for secret in self._secrets):
            raise NotGenuine("The signature does not hold.")
        if abs(now.timestamp() - _sent_at(header)) > REPLAY_SECONDS:
            raise NotGenuine("It was not sent just now.")
        try:
            text = payload.decode()
            event = json.loads(text)
            thing = event["data"]["object"]
            heard = Heard(
                event_id=_word(event["id"]),
                kind=_word(event["type"]),
                object_id=_word(thing.get("id", "")),
                account_id=_word(event.get("account") or ""),
                is_live=event["livemode"] is True,
                body=text,
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NotGenuine("It is no event.") from None
        if heard.is_live != self.is_live:
            raise NotGenuine("It is of the other mode, test or live.")
        return heard

    def _signed(self, payload: bytes, header: str, secret: str) -> bool:
        try:
            return bool(stripe.WebhookSignature.verify_header(payload, header, secret))
        except (stripe.SignatureVerificationError, ValueError, TypeError):  # not text, or no ASCII in the header
            return False


def _word(text: Any) -> str:
    """An identifier of theirs. ValueError for one that no database keeps: with a NUL, half a character, or without end."""
    if not isinstance(text, str) or len(text.encode()) > LONGEST_WORD or "\0" in text:
        raise ValueError("no identifier")
    return text


def _sent_at(header: str) -> int:
    """When it says it was sent: the one time that was signed, plainly written, so that nobody puts a second one beside it."""
    times = [each for each in header.split(",") if each.strip().startswith("t")]
    found = ONE_TIME.fullmatch(times[0]) if len(times) == 1 else None
    if found is None:
        raise NotGenuine("It does not say when it was sent.")
    return int(found[1])


def _is_meant(asked: dict[str, Any], instruction: Instruction) -> bool:
    """Whether the frozen requests are of the payout's amount, currency and destination."""
    meant = (instruction.amount_minor, instruction.currency.lower())
    both = all((each["amount"], each["currency"]) == meant for each in (asked["transfer"], asked["payout"]))
    return both and asked["transfer"]["destination"] == instruction.destination


def _odd_one(meant: int, *theirs: int) -> int:
    """The first of their amounts that is not what was meant; else what was meant."""
    return next((each for each in theirs if each != meant), meant)


def _made_of(transfer: stripe.Transfer) -> Made:
    left = transfer.amount - transfer.amount_reversed
    at = datetime.fromtimestamp(transfer.created, UTC)
    return Made(transfer.id, _ref_of(transfer), left, transfer.currency.upper(), str(transfer.destination), at)


def _ref_of(thing: Any) -> str:
    return str(getattr(thing.metadata, "payout", ""))


def _the_one(found: list[T], instruction: Instruction, what: str) -> T | None:
    if len(found) > 1:
        raise Unknown(f"Stripe has {len(found)} {what} for {instruction.ref}: ask Stripe.")
    return found[0] if found else None


def _state_of(account: stripe.Account, *, is_live: bool) -> AccountState:
    """What an account's object says. Payable: papers in order, transfers let in, payouts let out."""
    capability = getattr(account.capabilities, "transfers", None) if account.capabilities else None
    requirements = account.requirements
    owed = list(requirements.currently_due or []) if requirements else []
    if requirements and requirements.disabled_reason:
        owed.append(requirements.disabled_reason)
    company = getattr(account, "company", None)
    return AccountState(
        account_id=account.id,
        country=account.country or "",
        currency=(account.default_currency or "").upper(),
        is_live=is_live,
        can_be_paid=bool(account.payouts_enabled) and capability == "active",
        owed=tuple(dict.fromkeys(owed)),
        name=str(getattr(company, "name", "") or ""),
    )


def _said(error: stripe.StripeError) -> str:
    return str(error.user_message or _code_of(error) or "Stripe refused it.")[:300]


def _code_of(error: stripe.StripeError) -> str:
    """Stripe's own code; some of the library's errors have it only in what Stripe wrote."""
    return str(error.code or getattr(error.error, "code", None) or "")


def _is_final(error: stripe.StripeError) -> bool:
    """Whether Stripe itself says that nothing was done. Keys, limits, conflicts and its own faults tell nothing of the payment."""
    return isinstance(error, stripe.InvalidRequestError | stripe.CardError) and error.http_status in (400, 402, 404)


@contextmanager
def _or_unknown() -> Iterator[None]:
    """Let a clear no through; whatever else goes wrong leaves us not knowing."""
    try:
        yield
    except stripe.StripeError as error:
        if _is_final(error):
            raise
        raise Unknown(f"Stripe gave no clear answer ({type(error).__name__}).") from error


@contextmanager
def _told() -> Iterator[None]:
    """For pages: a refusal with Stripe's reason, or that it cannot be reached."""
    try:
        yield
    except stripe.StripeError as error:
        if _is_final(error) or _code_of(error) == "account_invalid":  # an account that has left us
            raise Refused(f"Stripe says: {_said(error)}", code="provider_refused") from error
        raise Unavailable("Stripe cannot be reached just now. Try again in a few minutes.") from error
