"""A Stripe that keeps what it is asked: balances, transfers, payouts that take days, idempotency with its errors, faults on either side.

It stands where the official library would open a connection, so everything the library does is done. Behaviour after
docs.stripe.com/api/idempotent_requests: the first answer under a key is kept a day, errors and 500s of an executed request too; a request
that never began (429, refused parameters) is not; other parameters under a known key are refused.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

from payouts.rails.stripe_connect import StripeConnect

SECRET = "whsec_fakefakefakefakefake"
KEY = "sk_test_fakefakefakefake"
DAY = 24 * 3600
Answer = tuple[int, dict[str, Any]]
BEFORE_THE_KEY = {"timeout", "reset", "429"}  # never reached what keeps the keys, unless it happens on the way back


@dataclass
class Fault:
    """What goes wrong with the next request to `path`: timeout | reset | 500 | 503 | 429 | 402 | 400; before or after it has its effect."""

    path: str
    kind: str
    after: bool = False


@dataclass
class Seen:
    """A request as it came: `text` is its body or query, `params` the same as nested values."""

    method: str
    path: str
    text: str
    headers: dict[str, str]
    params: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.params = nested(self.text)


@dataclass
class FakeStripe(stripe.HTTPClient):
    """`balance`: the platform's, by currency; `now`: seconds, moved by tests."""

    balance: dict[str, int] = field(default_factory=lambda: {"inr": 10**12, "usd": 10**12})
    now: int = 1_794_300_000
    is_live: bool = False
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    transfers: dict[str, dict[str, Any]] = field(default_factory=dict)
    payouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, Answer, int]] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)

    name = "fake"

    def __post_init__(self) -> None:
        super().__init__()

    # --- for tests

    def rail(self, **options: Any) -> StripeConnect:
        """Our rail on this Stripe; it pays out rupees too, so that a month of the tests can go through it."""
        pays = {"IN": "INR", "US": "USD"}
        return StripeConnect(KEY, [SECRET], **{"pays": pays, "is_live": self.is_live, **options}, http_client=self)

    def an_account(self, account_id: str, country: str = "IN", currency: str = "inr") -> dict[str, Any]:
        """One whose papers are in order."""
        ready = {"payouts_enabled": True, "capabilities": {"transfers": "active"}}
        self.accounts[account_id] = self._account(account_id, country, currency) | ready
        return self.accounts[account_id]

    def payouts_of(self, ref: str) -> list[dict[str, Any]]:
        return [each for each in self.payouts.values() if each["metadata"].get("payout") == ref]

    def transfers_of(self, ref: str) -> list[dict[str, Any]]:
        return [each for each in self.transfers.values() if each["transfer_group"] == ref]

    def gone(self, ref: str) -> int:
        """What has left the platform for good, or is on its way, for one payout of ours."""
        return sum(each["amount"] - each["amount_reversed"] for each in self.transfers_of(ref))

    def settle(self, ref: str, status: str = "paid", message: str = "The account is closed.") -> dict[str, Any]:
        """The bank's word on a payout: paid, or failed (then or later), which puts the money back on the connected account."""
        (payout,) = self.payouts_of(ref)
        if status in ("failed", "canceled") and payout["status"] not in ("failed", "canceled"):
            self.accounts[payout["_account"]]["_balance"] += payout["amount"]
            payout["failure_message"] = message
        payout["status"] = status
        return payout

    def delivery(self, kind: str, thing: dict[str, Any], *, account: str = "", **changes: Any) -> bytes:
        """An event as Stripe would send it."""
        self.made["event"] += 1
        event: dict[str, Any] = {
            "id": f"evt_{self.made['event']}",
            "object": "event",
            "type": kind,
            "livemode": self.is_live,
            "created": self.now,
            "data": {"object": shown(thing)},
        }
        return json.dumps(event | ({"account": account} if account else {}) | changes).encode()

    # --- what the library calls

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> tuple[str, int, Any]:
        parts = urlsplit(url)
        text = parts.query if method == "get" else (post_data or "")
        request = Seen(method, parts.path, text, {name.lower(): value for name, value in headers.items()})
        self.seen.append(request)
        status, body = self._through_faults(request, text)
        return json.dumps(shown(body)), status, {"request-id": f"req_{len(self.seen)}"}

    def close(self) -> None:
        pass

    def _through_faults(self, request: Seen, text: str) -> Answer:
        fault = next((each for each in self.faults if request.method == "post" and each.path == request.path), None)
        if fault is None:
            return self._once(request, text, self._answer)
        self.faults.remove(fault)
        lost = fault.kind in BEFORE_THE_KEY
        if fault.after:
            if lost:
                self._once(request, text, self._answer)
            else:  # it failed after its effect: the effect stands and the failure is what the key remembers
                self._once(request, text, lambda asked: self._answer(asked) and fault_answer(fault.kind))
        elif not lost:
            return self._once(request, text, lambda asked: fault_answer(fault.kind))
        if fault.kind in ("timeout", "reset"):
            raise stripe.APIConnectionError(fault.kind)
        return fault_answer(fault.kind)

    def _once(self, request: Seen, text: str, answer: Callable[[Seen], Answer]) -> Answer:
        """One effect under one key and account, for a day."""
        name = request.headers.get("idempotency-key")
        if request.method != "post" or name is None:
            return answer(request)
        key, print_ = (request.headers.get("stripe-account", ""), name), f"{request.path}?{text}"
        kept = self.keys.get(key)
        if kept and self.now - kept[2] < DAY:
            if kept[0] != print_:
                return error(400, "idempotency_error", "Keys can only be used with the same parameters.")
            return kept[1]
        given = answer(request)
        self.keys[key] = (print_, json.loads(json.dumps(given)), self.now)
        return given

    # --- what it does

    def _answer(self, request: Seen) -> Answer:
        steps: list[tuple[str, str, Callable[..., Answer]]] = [
            ("post", r"/v1/transfers", self._transfer),
            ("get", r"/v1/transfers", self._list_transfers),
            ("post", r"/v1/transfers/(\w+)/reversals", self._reverse),
            ("post", r"/v1/payouts", self._payout),
            ("get", r"/v1/payouts", self._list_payouts),
            ("post", r"/v1/accounts", self._open),
            ("get", r"/v1/accounts/(\w+)", self._show_account),
            ("post", r"/v1/account_links", self._link),
        ]
        for method, pattern, step in steps:
            if method == request.method and (match := re.fullmatch(pattern, request.path)):
                return step(request, *match.groups())
        return error(404, "invalid_request_error", f"Unrecognized request URL {request.path}")

    def _id(self, kind: str) -> str:
        self.made[kind] += 1
        return f"{kind}_{self.made[kind]}"

    def _transfer(self, request: Seen) -> Answer:
        asked = request.params
        amount, currency, account = int(asked["amount"]), asked["currency"], asked["destination"]
        if account not in self.accounts:
            return error(400, "invalid_request_error", f"No such destination: {account}", "resource_missing")
        if self.balance.get(currency, 0) < amount:
            return error(400, "invalid_request_error", "You have insufficient funds.", "balance_insufficient")
        self.balance[currency] -= amount
        self.accounts[account]["_balance"] += amount
        transfer = {
            "id": self._id("tr"),
            "object": "transfer",
            "amount": amount,
            "amount_reversed": 0,
            "reversed": False,
            "currency": currency,
            "destination": account,
            "created": self.now,
            "livemode": self.is_live,
            "transfer_group": asked.get("transfer_group"),
            "metadata": asked.get("metadata", {}),
        }
        self.transfers[transfer["id"]] = transfer
        return 200, transfer

    def _list_transfers(self, request: Seen) -> Answer:
        group, since = request.params.get("transfer_group"), int(request.params.get("created", {}).get("gte", 0))
        found = [each for each in self.transfers.values() if group is None or each["transfer_group"] == group]
        return listed([each for each in found if each["created"] >= since])

    def _reverse(self, request: Seen, transfer_id: str) -> Answer:
        transfer = self.transfers[transfer_id]
        left = transfer["amount"] - transfer["amount_reversed"]
        account = self.accounts[transfer["destination"]]
        if not left:
            return error(400, "invalid_request_error", "The transfer is already fully reversed.")
        if account["_balance"] < left:
            return error(400, "invalid_request_error", "The account has insufficient funds.", "balance_insufficient")
        account["_balance"] -= left
        self.balance[transfer["currency"]] += left
        transfer |= {"amount_reversed": transfer["amount"], "reversed": True}
        return 200, {"id": self._id("trr"), "object": "transfer_reversal", "amount": left, "transfer": transfer_id}

    def _payout(self, request: Seen) -> Answer:
        account_id, asked = request.headers["stripe-account"], request.params
        account, amount = self.accounts[account_id], int(asked["amount"])
        if not account["payouts_enabled"]:
            return error(400, "invalid_request_error", "Payouts are not enabled for this account.")
        if account["_balance"] < amount:
            return error(400, "invalid_request_error", "Insufficient funds.", "balance_insufficient")
        account["_balance"] -= amount
        payout = {
            "id": self._id("po"),
            "object": "payout",
            "amount": amount,
            "currency": asked["currency"],
            "status": "pending",
            "created": self.now,
            "arrival_date": self.now + 2 * DAY,
            "livemode": self.is_live,
            "metadata": asked.get("metadata", {}),
            "failure_message": None,
            "reversed_by": None,
            "_account": account_id,
        }
        self.payouts[payout["id"]] = payout
        return 200, payout

    def _list_payouts(self, request: Seen) -> Answer:
        since, account = int(request.params.get("created", {}).get("gte", 0)), request.headers.get("stripe-account")
        found = [each for each in self.payouts.values() if each["_account"] == account and each["created"] >= since]
        return listed(found)

    def _account(self, account_id: str, country: str, currency: str) -> dict[str, Any]:
        return {
            "id": account_id,
            "object": "account",
            "country": country,
            "default_currency": currency,
            "payouts_enabled": False,
            "capabilities": {"transfers": "pending"},
            "metadata": {},
            "_balance": 0,
            "requirements": {"currently_due": ["external_account"], "disabled_reason": None},
        }

    def _open(self, request: Seen) -> Answer:
        asked = request.params
        account = self._account(self._id("acct_new"), asked["country"], asked["default_currency"])
        self.accounts[account["id"]] = account | {"metadata": asked.get("metadata", {}), "company": asked["company"]}
        return 200, self.accounts[account["id"]]

    def _show_account(self, request: Seen, account_id: str) -> Answer:
        if account_id not in self.accounts:
            return error(403, "invalid_request_error", "No access to that account.", "account_invalid")
        return 200, self.accounts[account_id]

    def _link(self, request: Seen) -> Answer:
        url = f"https://connect.stripe.example/setup/{request.params['account']}"
        return 200, {"object": "account_link", "url": url, "created": self.now, "expires_at": self.now + 300}


def signed(payload: bytes, at: datetime | int, secret: str = SECRET, scheme: str = "v1") -> str:
    """The header of a delivery."""
    seconds = at if isinstance(at, int) else int(at.timestamp())
    mac = hmac.new(secret.encode(), b"%d." % seconds + payload, hashlib.sha256).hexdigest()
    return f"t={seconds},{scheme}={mac}"


def shown(thing: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def listed(found: list[dict[str, Any]]) -> Answer:
    return 200, {"object": "list", "data": [shown(each) for each in found], "has_more": False, "url": "/v1/x"}


def error(status: int, kind: str, message: str, code: str = "") -> Answer:
    return status, {"error": {"type": kind, "message": message} | ({"code": code} if code else {})}


def fault_answer(kind: str) -> Answer:
    kinds = {"429": "rate_limit_error", "402": "card_error", "400": "invalid_request_error"}
    return error(int(kind), kinds.get(kind, "api_error"), f"A fault: {kind}") if kind.isdigit() else (0, {})


def nested(text: str) -> dict[str, Any]:
    """`a[b][c]=d` as {"a": {"b": {"c": "d"}}}; every value is a text, as it travels."""
    whole: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        *path, last = re.findall(r"[^\[\]]+", name)
        place = whole
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return whole
