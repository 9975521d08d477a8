"""A signed statement proves itself: whatever is changed in it is found and named, and nobody else's key will do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payouts.settlements.arithmetic import misfits
from payouts.settlements.envelope import (
    ALTERED,
    NOT_SIGNED,
    UNKNOWN_KEY,
    UNREADABLE,
    VALID,
    published_keys,
    read_published,
    verify_envelope,
)
from payouts.settlements.statement import canonical_text, hash_of, parts_of, read_text, seal_text
from portal.kernel.errors import Refused
from portal.kernel.key_ring import KeyRing, key_id_of
from tests.factories.statements import Signer, a_statement


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def envelope(signer):
    return signer.envelope(a_statement())


def leaves(value, path=()):
    """Every value that is no container, with the way to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path
    else:
        for key, item in items:
            yield from leaves(item, (*path, key))


def flipped(text, path):
    """The envelope with one value made another of its kind."""
    whole = json.loads(text)
    held = whole
    for key in path[:-1]:
        held = held[key]
    value = held[path[-1]]
    held[path[-1]] = value + 1 if isinstance(value, int) else "x" if value is None else _other(value)
    return canonical_text(whole).encode()


def _other(text):
    if not text:
        return "x"
    return text[:-1] + ("1" if text[-1] != "1" else "2")


def test_the_text_has_one_spelling_and_its_hash_is_the_utf_8_bytes():
    content = {"b": "₹", "a": [1, None, True]}
    assert canonical_text(content) == '{"a":[1,null,true],"b":"₹"}'
    assert canonical_text(read_text(canonical_text(content))) == canonical_text(content)
    assert hash_of("{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '{"a":1.5}', '{"a":NaN}', "[" * 100_000, "{", b"\xff\xfe"])
def test_what_we_would_not_write_is_not_read(text):
    with pytest.raises(ValueError):
        read_text(text)


def test_a_statement_as_it_was_signed_is_valid(signer, envelope):
    verdict = verify_envelope(envelope.encode(), signer.trusted)
    assert (verdict.state, verdict.differences, verdict.is_trusted) == (VALID, [], True)
    assert verdict.sha256 == hash_of(canonical_text(a_statement()))


def test_layout_is_no_alteration_but_the_key_it_carries_vouches_for_nothing(signer, envelope):
    verdict = verify_envelope(json.dumps(json.loads(envelope), indent=2).encode())
    assert (verdict.state, verdict.is_trusted, verdict.key_id) == (VALID, False, signer.key_id)


def test_every_value_that_is_changed_is_found_and_the_part_is_named(signer, envelope):
    for path in leaves(json.loads(envelope)):
        verdict = verify_envelope(flipped(envelope, path), signer.trusted)
        assert verdict.state in (ALTERED, UNREADABLE, NOT_SIGNED), path
        assert verdict.differences, path
        if path[0] == "statement":
            named = "Line" if path[1] == "lines" else "Group" if path[1] == "groups" else path[1].split("_")[0]
            assert any(named.lower() in each.lower() or "Reason" in each for each in verdict.differences), path


@settings(max_examples=50)
@given(at=st.integers(0, 10**6), byte=st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(signer, envelope, at, byte):
    data = bytearray(envelope.encode())
    data[at % len(data)] ^= byte
    verdict = verify_envelope(bytes(data), signer.trusted)
    same = not verdict.is_valid or canonical_text(read_text(bytes(data))) == envelope
    assert same


@settings(max_examples=30)
@given(
    data=st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(), lambda deeper: st.lists(deeper) | st.dictionaries(st.text(), deeper)
        ).map(
            lambda value: json.dumps(
                {
                    "format": "agency-statement-envelope/1",
                    "statement": {"a": value},
                    "seal": {"parts": value},
                    "signature": "AA==",
                    "public_key": value,
                }
            ).encode()
        ),
    )
)
def test_nothing_handed_in_makes_it_stumble(signer, data):
    assert verify_envelope(data, signer.trusted).state in (ALTERED, UNREADABLE)


def test_lines_added_missing_and_swapped_are_named(signer, envelope):
    whole = json.loads(envelope)
    whole["statement"]["lines"][0], whole["statement"]["lines"][1] = (
        whole["statement"]["lines"][1],
        whole["statement"]["lines"][0],
    )
    swapped = verify_envelope(canonical_text(whole).encode(), signer.trusted).differences
    assert {"Line 1 was changed.", "Line 2 was changed."} <= set(swapped)
    whole = json.loads(envelope)
    del whole["statement"]["lines"][-1]
    cut = verify_envelope(canonical_text(whole).encode(), signer.trusted).differences
    assert "Line 5 is missing." in cut
    assert any(each.startswith("The total withholding says 20.00") for each in cut)


def test_another_ones_signature_is_an_unknown_key_and_its_name_borrowed_does_not_help(signer, envelope, tmp_path):
    forger = Signer(tmp_path)
    forged = forger.envelope(a_statement(earned=(999_999_00,)))
    assert verify_envelope(forged.encode(), signer.trusted).state == UNKNOWN_KEY
    borrowed = json.loads(forged) | {"key_id": signer.key_id}
    assert verify_envelope(canonical_text(borrowed).encode(), signer.trusted).state == ALTERED
    both = json.loads(forged) | {name: json.loads(envelope)[name] for name in ("key_id", "public_key")}
    assert verify_envelope(canonical_text(both).encode(), signer.trusted).state == ALTERED


def test_a_statement_without_a_signature_proves_nothing():
    verdict = verify_envelope(canonical_text(a_statement()).encode())
    assert (verdict.state, verdict.is_valid) == (NOT_SIGNED, False)


def test_what_was_signed_but_does_not_add_up_is_not_called_valid(signer):
    wrong = a_statement()
    wrong["totals"] = wrong["totals"] | {"net": "1.00"}
    verdict = verify_envelope(signer.envelope(wrong).encode(), signer.trusted)
    assert verdict.state == ALTERED
    assert any("The total net says 1.00" in each for each in verdict.differences)


def test_the_seal_follows_from_the_statement_and_parts_are_lines_and_facts():
    parts = parts_of(a_statement())
    assert {"lines/1", "groups/4", "totals.net", "agency.pan", "unpaid/1"} <= set(parts)
    assert seal_text(a_statement()) == seal_text(read_text(canonical_text(a_statement())))


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("groups", "5.00", "The subtotal of group 1"),
        ("totals", "5.00", "The total gross says 5.00"),
        ("year_to_date", "5.00", "The net of the year to date"),
    ],
)
def test_each_sum_that_does_not_tie_is_named(part, value, said):
    content = a_statement()
    assert misfits(content) == []
    if part == "groups":
        content["groups"][0]["amount"] = value
    else:
        content[part]["gross"] = value
    assert any(each.startswith(said) for each in misfits(content))


def test_published_keys_are_read_again_and_a_key_under_a_wrong_name_is_refused(signer):
    import base64

    text = base64.b64encode(signer.public).decode()
    published = canonical_text(published_keys({signer.key_id: text}, signer.key_id))
    assert read_published(published.encode()) == signer.trusted
    with pytest.raises(ValueError, match="named after"):
        read_published(published.replace(f'"key_id":"{signer.key_id}"', '"key_id":"0000000000000000"').encode())


def test_a_ring_of_the_environment_has_one_key_and_a_folder_makes_files_only_its_owner_reads(tmp_path):
    ring = KeyRing(tmp_path / "unused", bytes(range(32)))
    public = ring.fresh(())
    assert ring.has(key_id_of(public)) and not (tmp_path / "unused").exists()
    with pytest.raises(Refused) as same:
        ring.fresh({key_id_of(public)})
    assert same.value.code == "same_signing_key"
    folder = KeyRing(tmp_path / "keys")
    key_id = key_id_of(folder.fresh(()))
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()] == [0o600]
    assert len(folder.sign(key_id, b"x")) == 64
    with pytest.raises(Refused) as missing:
        folder.sign("../keys/" + "0" * 16, b"x")
    assert missing.value.code == "missing_signing_key"
