"""PDFs as they must never be kept, or only with care; with them `HOSTILE` is whole."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable

import pikepdf

from tests.factories import honest_files as honest
from tests.factories.hostile_pictures import HOSTILE, Made, made, plain, zipped

# PDFs that act, hide or do not end


def spoilt(name: str, code: str, spoil: Callable[[pikepdf.Pdf], object], **options: object) -> None:
    def make() -> Made:
        document = honest.pdf()
        spoil(document)
        return code, honest.saved(document, **options)

    HOSTILE[name] = make


def action(**entries: object) -> Callable[[pikepdf.Pdf], None]:
    def spoil(document: pikepdf.Pdf) -> None:
        document.Root.OpenAction = pikepdf.Dictionary(**entries)

    return spoil


def on_page(**entries: object) -> Callable[[pikepdf.Pdf], None]:
    def spoil(document: pikepdf.Pdf) -> None:
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Rect=[0, 0, 9, 9], **entries)
        document.pages[0].Annots = pikepdf.Array([document.make_indirect(note)])

    return spoil


def script() -> pikepdf.Dictionary:
    return pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))


def script_address(address: str = "javascript:alert(1)") -> dict[str, object]:
    return {"/S": pikepdf.Name.URI, "/URI": pikepdf.String(address)}


def attach(document: pikepdf.Pdf) -> None:
    document.attachments["evil.exe"] = b"MZ"


def named_script(document: pikepdf.Pdf) -> None:
    names = pikepdf.Dictionary(
        JavaScript=pikepdf.Dictionary(Names=[pikepdf.String("a"), document.make_indirect(script())])
    )
    document.Root.Names = names


def unused_script(document: pikepdf.Pdf) -> None:
    document.Root.Lang = document.make_indirect(pikepdf.Array([1, [2, script()]]))


def xfa(document: pikepdf.Pdf) -> None:
    document.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA=document.make_stream(b"<xdp/>"))


def on_opening_a_page(document: pikepdf.Pdf) -> None:
    document.pages[0].AA = pikepdf.Dictionary(O=script())


def endless_form(document: pikepdf.Pdf) -> None:
    drawn = document.make_stream(b"/Me Do", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 9, 9])
    drawn.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Me=drawn))
    document.pages[0].Resources.XObject = pikepdf.Dictionary(Me=drawn)
    document.pages[0].Contents = document.make_stream(b"/Me Do")


def giant_page(document: pikepdf.Pdf) -> None:
    document.pages[0].MediaBox = [0, 0, 10_000_000, 10_000_000]


NAME = pikepdf.Name
STREAMS = {"object_stream_mode": pikepdf.ObjectStreamMode.generate}
spoilt("pdf_script_on_opening", "active_pdf", action(S=NAME.JavaScript, JS=pikepdf.String("app.alert(1)")))
spoilt("pdf_script_in_an_object_stream", "active_pdf", unused_script, **STREAMS)
spoilt("pdf_script_by_name", "active_pdf", named_script, **STREAMS)
spoilt("pdf_script_on_opening_a_page", "active_pdf", on_opening_a_page, **STREAMS)
LOCKED = pikepdf.Encryption(user="", owner="b")
spoilt("pdf_script_under_encryption", "active_pdf", unused_script, **STREAMS, encryption=LOCKED)
spoilt("pdf_with_a_script_for_an_address", "active_pdf", on_page(Subtype=NAME.Link, A=script_address()))
spoilt(
    "pdf_with_a_file_for_an_address", "active_pdf", on_page(Subtype=NAME.Link, A=script_address("file:///etc/passwd"))
)
spoilt("pdf_that_starts_a_program", "active_pdf", action(S=NAME.Launch, F=pikepdf.String("cmd.exe")), **STREAMS)
spoilt("pdf_that_sends_a_form", "active_pdf", on_page(Subtype=NAME.Link, A={"/S": NAME.SubmitForm}), **STREAMS)
spoilt("pdf_that_imports_data", "active_pdf", on_page(Subtype=NAME.Link, A={"/S": NAME.ImportData}))
spoilt("pdf_that_opens_another_file", "active_pdf", on_page(Subtype=NAME.Link, A={"/S": NAME.GoToR}))
spoilt("pdf_with_an_attachment", "active_pdf", attach, **STREAMS)
spoilt("pdf_with_an_attached_note", "active_pdf", on_page(Subtype=NAME.FileAttachment))
spoilt("pdf_with_rich_media", "active_pdf", on_page(Subtype=NAME.RichMedia))
spoilt("pdf_with_an_active_form", "active_pdf", xfa)
spoilt("pdf_that_draws_itself", "", endless_form)
spoilt("pdf_of_a_giant_page", "", giant_page)
spoilt("pdf_with_a_password", "protected_pdf", bool, encryption=pikepdf.Encryption(user="a", owner="b"))
spoilt("pdf_that_only_its_owner_may_change", "", bool, encryption=pikepdf.Encryption(user="", owner="b"))
spoilt(
    "pdf_that_goes_to_its_page", "", lambda document: action(S=NAME.GoTo, D=[document.pages[0].obj, NAME.Fit])(document)
)
spoilt(
    "pdf_with_a_web_address", "", on_page(Subtype=NAME.Link, A={"/S": NAME.URI, "/URI": pikepdf.String("https://a.b")})
)
plain("pdf_of_a_header", "damaged_pdf", b"%PDF-1.7\n%%EOF\n")
plain("pdf_of_noise", "damaged_pdf", b"%PDF-1.4\n" + random.Random(7).randbytes(4000))


@made("active_pdf")
def pdf_with_a_script_spelt_oddly() -> bytes:
    """Not in the list of objects: only a reader that repairs files would find it."""
    return honest.saved(honest.pdf()) + b"\n9 0 obj <</S /J#61vaScr#69pt /J#53 (app.alert(1))>> endobj\n"


@made("damaged_pdf")
def pdf_cut_off() -> bytes:
    return honest.saved(honest.pdf(4))[:700]


@made("damaged_pdf")
def pdf_without_pages() -> bytes:
    return honest.saved(pikepdf.new())


@made("too_many_pages")
def pdf_of_too_many_pages() -> bytes:
    document = pikepdf.new()
    for _ in range(301):
        document.add_blank_page(page_size=(99, 99))
    return honest.saved(document)


@made("too_much_work")
def pdf_whose_page_inflates_without_end() -> bytes:
    document = honest.pdf()
    squeeze = zlib.compressobj(9)
    piece = squeeze.compress(bytes(64 << 20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    content = document.make_stream(b"")
    content.write(piece + piece[2:] * 31, filter=NAME.FlateDecode)  # two gigabytes
    document.pages[0].Contents = content
    return honest.saved(document)


@made("damaged_pdf")
def pdf_nested_ten_thousand_deep() -> bytes:
    return b"%PDF-1.4\n1 0 obj " + b"[" * 10_000 + b"]" * 10_000 + b" endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"


@made("damaged_pdf")
def pdf_whose_pages_are_their_own_parents() -> bytes:
    return (
        b"%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n"
        b"2 0 obj <</Type /Pages /Count 9 /Kids [2 0 R 2 0 R]>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"
    )


@made("uncertain_type")
def pdf_that_is_a_zip_too() -> bytes:
    return honest.saved(honest.pdf()) + zipped("evil.exe", b"MZ")


@made("uncertain_type")
def pdf_that_is_a_web_page_too() -> bytes:
    return honest.saved(honest.pdf()).replace(b"%PDF-1.", b"%PDF-1.4\n%<script>alert(1)</script>\n%", 1)
